"""What the window says of models of Ollama's registry."""

from PySide6.QtCore import QCoreApplication

from app.core.ollama_arrival import Arrival


def registry_word() -> str:
    """Where such models come from."""
    return QCoreApplication.translate("ollama", "Ollama’s registry")


def arrival_words(arrival: Arrival) -> str:
    """What was set up for a model that has arrived, in a few sentences; "" if nothing was."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("ollama", text)

    said = []
    if arrival.preset:
        words = tr("Its system prompt and parameters are in the preset “%1”.")
        said.append(words.replace("%1", arrival.preset))
    if arrival.load_set:
        said.append(tr("Load settings were taken, too."))
    if arrival.adapters:
        said.append(tr("Its adapter is loaded with it."))
    if arrival.no_template:
        said.append(tr("It has no chat template of its own; a general one takes its place."))
    if arrival.left_out:
        said.append(tr("Not taken: %1.").replace("%1", ", ".join(arrival.left_out)))
    name = tr("%1 is here.").replace("%1", arrival.model.name)
    return " ".join((name, *said)) if said else ""
