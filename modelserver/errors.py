"""Errors in OpenAI's shape: `{"error": {message, type, param, code}}` with an HTTP status."""

from typing import Any


class ApiError(Exception):
    """An answer that is not the one that was asked for."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type_: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type_

    @property
    def body(self) -> dict[str, Any]:
        """What is sent."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


def model_not_found(model: str) -> ApiError:
    """Also for a model that was deleted."""
    return ApiError(
        404,
        f"The model `{model[:200]}` does not exist or you do not have access to it.",
        code="model_not_found",
        param="model",
    )


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, param=param, code=code)


def server_error(message: str = "The server had an error.", status: int = 500) -> ApiError:
    return ApiError(status, message, type_="server_error")


class EngineFault(Exception):
    """An engine cannot start; the message is a sentence that says what is missing."""


class TrainingError(Exception):
    """Why a job fails, in OpenAI's terms."""

    def __init__(self, code: str, message: str, param: str | None = "training_file") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
