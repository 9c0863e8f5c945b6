"""Why trainings fail, by the provider's code: what to do about it, in plain words."""

from avatar.language import noted, tr

_MODERATED = noted(
    "The provider's moderation refused the examples. Take out what it may object to and send the "
    "rest with /train."
)
_ADVICE = {
    "invalid_n_examples": noted("Training needs at least 10 examples; 50 to 100 are a good start."),
    "invalid_training_file": noted(
        "The provider could not use the file. Send it again with /train."
    ),
    "invalid_file_format": noted(
        "The provider could not read the file. Check it line by line and send it again with /train."
    ),
    "unsafe_file": _MODERATED,
    "moderation_failed": _MODERATED,
    "model_not_found": noted(
        "The base model cannot be trained with this account. Train the examples again on another "
        "base model or at another provider."
    ),
    "training_not_available": noted(
        "The examples are kept here with the version: they can be trained at another provider, "
        "which the operator adds in providers.toml."
    ),
    "daily_rate_limit_exceeded": noted(
        "The account has started as many trainings as it may today. Send the file again tomorrow."
    ),
    "insufficient_quota": noted("The account has no credit left. Its operator has to top it up."),
    "server_error": noted("The provider had a fault of its own. Send the file again with /train."),
}
_UNKNOWN = noted("Send the file again with /train when the cause is removed.")


def explained(code: str | None) -> str:
    """What to do about a failure; a general word for codes that we do not know."""
    return tr(_ADVICE.get(code or "", _UNKNOWN))
