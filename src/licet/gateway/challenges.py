"""What a caller is asked for with a 401: a token, a proof, or more about who they are.

Source: RFC 6750, section 3; RFC 9449, section 7.1; RFC 9470, section 3.
"""

from dataclasses import replace

from licet import dialects
from licet.decisions import Caller, Code, Refusal, RemedyKind
from licet.errors import CallerError, EvidenceError
from licet.parties.evidence import PROOF_ALGORITHMS

_UNAUTHORIZED = 401
_SPOKEN = frozenset(chr(code) for code in range(0x20, 0x7F)) - frozenset('"\\')


def invalid_token(err: EvidenceError, *, proved: bool) -> CallerError:
    """An access token that does not hold."""
    challenge = _challenge("invalid_token", str(err), proved=proved)
    return CallerError(f"The access token is not valid: {err}.", code="invalid_token", challenge=challenge)


def invalid_proof(err: EvidenceError) -> CallerError:
    """A proof of possession that does not hold."""
    challenge = _challenge("invalid_dpop_proof", str(err), proved=True)
    return CallerError(f"The proof of possession is not valid: {err}.", code="invalid_dpop_proof", challenge=challenge)


def wanted_nonce(nonce: str) -> CallerError:
    """A proof without the nonce that is wanted, or with one of another time (RFC 9449, section 9)."""
    challenge = _challenge("use_dpop_nonce", "expected the nonce of this answer in the proof", proved=True)
    message = "The proof of possession must hold the nonce that is in this answer's header `DPoP-Nonce`."
    return CallerError(message, code="use_dpop_nonce", challenge=challenge, nonce=nonce)


def challenged(told: dialects.Refusal, refusal: Refusal, caller: Caller) -> dialects.Refusal:
    """The same refusal, as a challenge where a token's holder could change the answer by stepping up.

    Whoever calls with a key of this gateway has no authorization server to go to: a 401
    would say that the key is wrong.
    """
    kinds = {remedy.kind for remedy in refusal.remedies}
    # By the code and not the outcome: a concealed model is never asked about, or it would be one that exists.
    if caller.issuer is None or refusal.code is not Code.VERIFICATION_REQUIRED:
        return told
    if RemedyKind.BOUND_KEY in kinds:
        text = "this model needs a token that is bound to a key of the caller's own"
        challenge = _challenge("invalid_token", text, proved=caller.binding == "bearer")
    elif RemedyKind.ORGANIZATION_ATTESTATION in kinds:
        text = "more must be known of the caller; the remedies are in the answer"
        challenge = _challenge("insufficient_user_authentication", text, proved=caller.binding == "dpop")
    else:
        return told
    return replace(told, status=_UNAUTHORIZED, challenge=challenge)


def _challenge(error: str, text: str, *, proved: bool) -> str:
    spoken = "".join(character for character in text if character in _SPOKEN)
    said = f'realm="licet", error="{error}", error_description="{spoken}"'
    return f'DPoP {said}, algs="{" ".join(PROOF_ALGORITHMS)}"' if proved else f"Bearer {said}"
