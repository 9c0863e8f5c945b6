"""What a process does: everything, or its share where several processes serve one installation."""

from enum import StrEnum


class Role(StrEnum):
    """Given as `--role`."""

    ALL = "all"
    RECEIVER = "receiver"  # takes what comes in, and puts it into the inbox
    WORKER = "worker"  # answers what lies there
    JOBS = "jobs"  # follows trainings, delivers notices, watches for retirements

    @property
    def receives(self) -> bool:
        return self in {Role.ALL, Role.RECEIVER}

    @property
    def answers(self) -> bool:
        return self in {Role.ALL, Role.WORKER}

    @property
    def follows(self) -> bool:
        return self in {Role.ALL, Role.JOBS}
