"""Where stories of the house begin when nobody says anything else. All of it is invented."""

PREMISES = (
    "A piano tuner finds a second set of strings in a piano that nobody has opened since its owner disappeared.",
    "On an island with one road, a hit-and-run: every car is accounted for, and all of them are clean.",
    "The night porter of a grand hotel keeps a book of guests who checked in and were never asked for.",
    "A seed bank is burgled. Nothing is missing, but one jar now grows something else.",
    "Two witnesses describe the same stranger in the same words, forty years apart.",
    "A crossword setter is threatened through the answers to her own puzzle.",
    "The ransom for a stolen cello is paid in full, and the thief sends it back with a correction.",
    "A mountain village votes every year on who lit the fire of 1931. This year somebody votes twice.",
    "A translator notices that the confession was written in another language first.",
    "The lighthouse log records a ship on a night when the lamp was out.",
)


def premise(number: int) -> str:
    """Return the premise of the nth story, from the first again after the last."""
    return PREMISES[number % len(PREMISES)]
