"""The rows of the advanced load settings, by the field of `LoadConfig` that each one shows."""

from collections.abc import Iterable

from PySide6.QtCore import QObject

from app.core.companions import check_adapter, check_mlx_adapter
from app.gui import formatting
from app.gui.icons import Icons
from app.gui.load_adapters import AdapterList
from app.gui.load_bounds import Bounds
from app.gui.load_cards import CardShares
from app.gui.load_projector import ProjectorRow
from app.gui.load_rows import ChoiceRow, NumberRow, Setting, SwitchRow

_WIDE, _MIDDLE = 188, 132


class AdvancedRows(QObject):
    """Makes the rows once and shows what a model needs of them."""

    def __init__(self, icons: Icons, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._make_memory()
        self._make_guessing()
        self._make_rope()
        self._make_companions()
        self._make_cards()

    def _make_memory(self) -> None:
        self.slots = NumberRow(
            self._icons,
            self.tr("Answers at once"),
            self.tr("How many answers and chats the model keeps at hand (slots)"),
            minimum=1,
            maximum=64,
        )
        self.mmap = self._switch(
            self.tr("Map the file (mmap)"),
            self.tr("Loads faster, and the system can take memory back when it is short (mmap)"),
        )
        self.mlock = self._switch(
            self.tr("Keep in memory (mlock)"),
            self.tr("The system may not move the model to the disk (mlock)"),
        )
        self.swa_full = self._switch(
            self.tr("Whole cache for windowed layers"),
            self.tr("Keeps all of the context in layers that look back a little only (SWA full)"),
        )
        self.swa_full.say(
            self.tr(
                "Off, because it takes several times the memory. On, you can go back in a long"
                " chat without waiting for it to be read again."
            )
        )
        self.numa = ChoiceRow(
            self._icons,
            self.tr("Processor groups (NUMA)"),
            self.tr("How threads are placed where memory is nearer to some processors (NUMA)"),
            width=_MIDDLE,
        )
        self.numa.offer(
            (
                (self.tr("Off"), "off"),
                (self.tr("On all groups"), "distribute"),
                (self.tr("On one group"), "isolate"),
                (self.tr("As numactl says"), "numactl"),
            )
        )

    def _switch(self, name: str, tip: str) -> SwitchRow:
        return SwitchRow(self._icons, name, tip)

    def _make_guessing(self) -> None:
        self.prompt_lookup = self._switch(
            self.tr("Guess from the chat"),
            self.tr(
                "Faster where the answer repeats what was written before; the answer stays the"
                " same (prompt lookup)"
            ),
        )
        self.draft_model = ChoiceRow(
            self._icons,
            self.tr("Draft model"),
            self.tr(
                "A smaller model of the same family writes ahead and this one checks; the answer"
                " stays the same (speculative decoding)"
            ),
            width=_WIDE,
        )
        self.draft_tokens = NumberRow(
            self._icons,
            self.tr("Tokens guessed ahead"),
            self.tr("More is faster where guesses are right and slower where not (draft tokens)"),
            minimum=1,
            maximum=64,
        )

    def _make_rope(self) -> None:
        own = self.tr("The model’s")
        self.rope_scaling = ChoiceRow(
            self._icons,
            self.tr("Scaling"),
            self.tr("How positions beyond the trained length are told apart (RoPE scaling type)"),
            width=_MIDDLE,
        )
        self.rope_scaling.offer(
            (
                (own, None),
                (self.tr("None"), "none"),
                (self.tr("Linear"), "linear"),
                ("YaRN", "yarn"),
                ("LongRoPE", "longrope"),
            )
        )
        self.rope_freq_base = NumberRow(
            self._icons,
            self.tr("Base"),
            self.tr("Larger reaches farther (RoPE frequency base)"),
            minimum=0,
            maximum=1e9,
            decimals=1,
            step=1000,
            empty=own,
            nothing=0.0,
        )
        self.rope_freq_scale = NumberRow(
            self._icons,
            self.tr("Scale"),
            self.tr("0.5 doubles the reach, at some cost in quality (RoPE frequency scale)"),
            minimum=0,
            maximum=100,
            decimals=4,
            step=0.05,
            empty=own,
            nothing=0.0,
        )

    def _make_companions(self) -> None:
        self.projector = ProjectorRow(self._icons, _WIDE)
        self.lora = AdapterList(self._icons)

    def _make_cards(self) -> None:
        self.offload_kv = self._switch(
            self.tr("Context on the graphics card"),
            self.tr("Faster; off leaves room on the card for more layers (offload KV cache)"),
        )
        self.experts_on_cpu = NumberRow(
            self._icons,
            self.tr("Layers with experts on the processor"),
            self.tr("Leaves room on the card at little cost in speed (experts on CPU)"),
            minimum=0,
            maximum=1000,
        )
        self.split_mode = ChoiceRow(
            self._icons,
            self.tr("Share out"),
            self.tr("How the model is laid over several graphics cards (split mode)"),
            width=_MIDDLE,
        )
        self.split_mode.offer(
            (
                (self.tr("By layers"), "layer"),
                (self.tr("By rows"), "row"),
                (self.tr("On one card"), "none"),
            )
        )
        self.main_gpu = ChoiceRow(
            self._icons,
            self.tr("Main card"),
            self.tr("The one that is used alone, or for small parts (main GPU)"),
            width=_WIDE,
        )
        self.tensor_split = CardShares(self._icons)

    def groups(self) -> Iterable[tuple[str, dict[str, Setting]]]:
        """Titles, and rows by field, in the order in which they are shown."""
        memory: dict[str, Setting] = {
            "slots": self.slots,
            "mmap": self.mmap,
            "mlock": self.mlock,
            "swa_full": self.swa_full,
            "numa": self.numa,
        }
        guessing: dict[str, Setting] = {
            "prompt_lookup": self.prompt_lookup,
            "draft_model": self.draft_model,
            "draft_tokens": self.draft_tokens,
        }
        rope: dict[str, Setting] = {
            "rope_scaling": self.rope_scaling,
            "rope_freq_base": self.rope_freq_base,
            "rope_freq_scale": self.rope_freq_scale,
        }
        cards: dict[str, Setting] = {
            "offload_kv": self.offload_kv,
            "experts_on_cpu": self.experts_on_cpu,
            "split_mode": self.split_mode,
            "main_gpu": self.main_gpu,
            "tensor_split": self.tensor_split,
        }
        return (
            (self.tr("Memory"), memory),
            (self.tr("Graphics card"), cards),
            (self.tr("Guessing ahead"), guessing),
            (self.tr("Files beside the model"), {"projector": self.projector, "lora": self.lora}),
            (self.tr("Reach of the context (RoPE)"), rope),
        )

    def show_bounds(self, bounds: Bounds) -> None:
        """What another model and this computer allow."""
        drafts = [
            (_name_of(each.name, each.quantization), str(each.path))
            for each in bounds.companions.drafts
        ]
        self.draft_model.offer([(self.tr("None"), ""), *drafts])
        self.draft_model.say(
            ""
            if drafts
            else self.tr("No smaller model with the same vocabulary is on this computer.")
        )
        cards = enumerate(bounds.cards or ("",))  # two may have one name
        self.main_gpu.offer([(f"{number + 1} · {name}", number) for number, name in cards])
        self.tensor_split.show_cards(bounds.cards)
        self.experts_on_cpu.field.set_range(0, max(1, bounds.expert_layers))
        self.projector.show_companions(bounds.companions, bounds.header)
        cost = formatting.memory_size(bounds.slot_bytes).replace(" ", "\u00a0")
        words = self.tr("All share the context length. Each one more takes about %1.")
        self.slots.say(words.replace("%1", cost))
        header = bounds.header
        if bounds.mlx:
            self.lora.accept(check_mlx_adapter, folders=True)
        elif header is not None:
            self.lora.accept(lambda path: check_adapter(path, header), folders=False)

    def follow(self) -> None:
        """What depends on other settings."""
        drafting = bool(self.draft_model.value())
        self.draft_tokens.setEnabled(drafting or self.prompt_lookup.value())
        both = drafting and self.prompt_lookup.value()
        self.prompt_lookup.say(self.tr("The draft model guesses instead.") if both else "")
        self.main_gpu.setEnabled(self.split_mode.value() != "layer")
        self.tensor_split.setEnabled(self.split_mode.value() != "none")


def _name_of(name: str, quantization: str) -> str:
    return f"{name} · {quantization}" if quantization else name
