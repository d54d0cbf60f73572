"""Where the local stack keeps things: everything under ``.headgate`` of the project, nothing elsewhere."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The folders and files of one project's local stack."""

    project: Path

    @classmethod
    def of(cls, project_root: Path) -> "Places":
        return cls(project_root.resolve())

    @property
    def state(self) -> Path:
        return self.project / ".headgate"

    @property
    def local_file(self) -> Path:
        """What clients need to reach the running stack; see ``local_file.py``."""
        return self.state / "local.json"

    @property
    def parts_file(self) -> Path:
        """The supervisor's own account of its parts."""
        return self.state / "parts.json"

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse"

    @property
    def emulator(self) -> Path:
        return self.state / "emulator"

    @property
    def build(self) -> Path:
        return self.state / "build"

    @property
    def unpacked(self) -> Path:
        """Zips of Lambdas and layers, unpacked under the digests of their content."""
        return self.build / "unpacked"

    @property
    def temporary(self) -> Path:
        """What would lie in the system's temporary folder: unpacked Lambdas and their own files."""
        return self.state / "tmp"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    def log_of(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    @property
    def runners(self) -> Path:
        """Working folders of running containers, each with a file beside it that says whose it is."""
        return self.state / "runners"

    @property
    def bin_folder(self) -> Path:
        return self.project / ".venv" / "bin"

    @property
    def emulator_python(self) -> Path:
        return self.project / ".venv" / "emulator" / "bin" / "python"

    @property
    def source(self) -> Path:
        """The folder that has the package headgate_local in it."""
        return Path(__file__).parent.parent

    def make(self) -> None:
        """Create the folders, closed to other people: passwords and logs live here."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.emulator, self.unpacked, self.temporary, self.logs, self.logs / "runners"):
            folder.mkdir(parents=True, exist_ok=True)
