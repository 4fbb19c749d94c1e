"""An inference server, as the configuration names it."""

from dataclasses import dataclass

from yarl import URL

from licet.terms import Surface


@dataclass(frozen=True, slots=True)
class Upstream:
    """An inference server.

    Attributes:
        base_url: Scheme, host and perhaps a path before the surface's own.
        dialects: The surfaces it speaks.
        credential: What is sent in place of the caller's key; None sends nothing.
        credential_header: The header that carries it; None for the surface's own.
    """

    name: str
    base_url: URL
    dialects: frozenset[Surface]
    credential: str | None = None
    credential_header: str | None = None

    def authorization(self, surface: Surface) -> dict[str, str]:
        """The header that carries the credential, where the surface expects it; none without one."""
        if self.credential is None:
            return {}
        if self.credential_header is not None:
            bearer = "Bearer " if self.credential_header == "authorization" else ""
            return {self.credential_header: f"{bearer}{self.credential}"}
        match surface:
            case Surface.OPENAI:
                return {"authorization": f"Bearer {self.credential}"}
            case Surface.ANTHROPIC:
                return {"x-api-key": self.credential}
            case Surface.GEMINI:
                return {"x-goog-api-key": self.credential}
