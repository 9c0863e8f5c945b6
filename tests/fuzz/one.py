"""`python -m tests.fuzz.one TARGET [flags of libFuzzer] [folders of seeds]`: fuzz one target,
guided by what of `avatar.dataset` it reaches.
"""

import sys

import atheris


def main() -> None:
    with atheris.instrument_imports(include=["avatar.dataset", "avatar.text"]):
        from tests.fuzz.targets import targets
    name = sys.argv.pop(1)
    target = next(each for each in targets() if each.name == name)
    atheris.Setup(sys.argv, target.take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
