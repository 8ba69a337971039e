"""Who signs new commits, by Git's settings and variables."""

from __future__ import annotations

import os

from gitexp.repo.git.git_calls import GitCalls
from gitexp.repo.git.objects import new_objects

_NOBODY = {"NAME": "gitexp", "EMAIL": "gitexp@localhost"}  # where Git does not know the user


class GitIdentity(GitCalls):
    """The names under which commits are made in a repository."""

    def signature(self, role: str) -> str:
        """Name, address and time of the author or committer of a new commit."""
        name = self._named(role, "NAME") or _NOBODY["NAME"]
        email = self._named(role, "EMAIL") or _NOBODY["EMAIL"]
        found = new_objects.signature(name, email, os.environ.get(f"GIT_{role}_DATE", ""))
        if found is not None:
            return found
        said = self.run("var", f"GIT_{role}_IDENT", env=self.identity())
        return said.decode("utf-8", "surrogateescape").strip()

    def _named(self, role: str, part: str) -> str:
        """The name or the address that Git has for a commit's author or committer; else ""."""
        given = os.environ.get(f"GIT_{role}_{part}")
        keys = (f"{role.lower()}.{part.lower()}", f"user.{part.lower()}")
        return given or self.config.get(keys[0]) or self.config.get(keys[1]) or ""

    def user_name(self) -> str:
        """The name that Git has for the author of a commit; "" if it has none."""
        return self._named("AUTHOR", "NAME")

    def identity(self) -> dict[str, str]:
        """The variables that a Git process needs to make commits: none where Git knows the user.

        Without user.name and user.email a stand-in signs: no commit fails for the lack of a name.
        """
        stand_in = {}
        for role in ("AUTHOR", "COMMITTER"):
            for part, nobody in _NOBODY.items():
                if not self._named(role, part):
                    stand_in[f"GIT_{role}_{part}"] = nobody
        return stand_in
