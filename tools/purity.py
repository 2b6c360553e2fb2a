"""An import-linter contract: the core of a service may import the standard library and itself, nothing else.

An allow-list, so that a dependency added tomorrow is forbidden in the core from its first day.
"""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Holds when no module of `packages` imports anything beyond the standard library and those packages."""

    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - the signature is import-linter's
        """Collect every direct import that leaves the core."""
        cores = {root: self._cores_of(root, graph) for root in self._services(graph)}
        strays = [
            (importer, imported)
            for root, modules in cores.items()
            for importer in sorted(modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.split(".")[0] not in sys.stdlib_module_names and imported not in cores[root]
        ]
        return ContractCheck(kept=not strays, metadata={"strays": strays})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that has to go."""
        for importer, imported in check.metadata["strays"]:
            output.print_error(f"{importer} imports {imported}")

    def _services(self, graph: ImportGraph) -> list[str]:
        return sorted({m for m in graph.modules if "." not in m and not graph.is_module_squashed(m)})

    def _cores_of(self, root: str, graph: ImportGraph) -> set[str]:
        layers: Any = self.packages
        tops = {f"{root}.{layer.removeprefix('*.')}" for layer in layers}
        return {m for m in graph.modules if any(m == top or m.startswith(f"{top}.") for top in tops)}
