"""Encoder-decoders of two BERTs, as transformers' `EncoderDecoderModel` has them."""

import dataclasses
import functools

import numpy as np

from kerasbert.account import Account, quoted
from kerasbert.checkpoints import huggingface
from kerasbert.checkpoints.checkpoint import Checkpoint, StoredTensors
from kerasbert.checkpoints.config_keys import ConfigKeys, read_object
from kerasbert.checkpoints.huggingface_keys import CONFIG_KEYS
from kerasbert.checkpoints.ledger import Ledger, balance
from kerasbert.checkpoints.names.bert import FAMILY, HUGGINGFACE_DECODER
from kerasbert.checkpoints.names.table import rows_of
from kerasbert.checkpoints.tensor_files import write_safetensors
from kerasbert.files import read_json, write_json

NAME = "encoder-decoder"  # the model_type
PARTS = ("encoder", "decoder")
IN_DECODER = ("decoder.bert.", "decoder.")  # what their names begin with there
OF_DECODER = ("is_decoder", "add_cross_attention")
# Which tokens begin, end and pad an answer.
TOKENS = ("decoder_start_token_id", "eos_token_id", "pad_token_id")
KEYS = ConfigKeys(
    handled={},
    required={"tie_encoder_decoder": (False, None), "is_encoder_decoder": (True, None)},
    used={
        "architectures": "which class it is",
        "model_type": "which class it is",
        **dict.fromkeys(PARTS, "the configuration of a part"),
        **dict.fromkeys(TOKENS, "what begins, ends and pads an answer"),
    },
    ignored={
        key: why
        for key, why in {
            **CONFIG_KEYS.ignored,
            "vocab_size": "the decoder's says it",
            "tie_word_embeddings": "each part says it",
        }.items()
        if key not in (*TOKENS, "tie_encoder_decoder")
    },
)


@dataclasses.dataclass(frozen=True)
class EncoderDecoder:
    """The two parts of a published encoder-decoder.

    Args:
        encoder: The `Checkpoint` of the encoder.
        decoder: That of the decoder, with its masked LM head and cross-attention.
        ledger: Where every tensor of both went, under its name in the file.
        tokens: Those of `TOKENS` that the configuration gives.
    """

    encoder: Checkpoint
    decoder: Checkpoint
    ledger: Ledger
    tokens: dict


def recognises(folder):
    """Whether a folder holds an `EncoderDecoderModel`."""
    file = folder / "config.json"
    values = read_json(file) if file.is_file() else None
    return isinstance(values, dict) and values.get("model_type") == NAME


def read(folder, account=None):
    """Reads the two parts of a folder.

    Raises:
        FileNotFoundError: If there are no weights.
        ValueError: If a part is no BERT, or its tensors are not those of its
            configuration.
    """
    account = account or Account()
    file = folder / "config.json"
    values = read_object(file)
    KEYS.read(values, file, account)
    configs = {part: _config_of(values, part, file, account) for part in PARTS}
    if configs["encoder"].hidden_size != configs["decoder"].hidden_size:
        raise ValueError(
            "Expected an encoder and a decoder of one hidden_size in "
            f"{file}, got {configs['encoder'].hidden_size} and "
            f"{configs['decoder'].hidden_size}: the projection between them is not "
            "computed here."
        )
    stored = _open(folder)
    checkpoints, entries = {}, []
    strays = [name for name in stored.shapes if not name.startswith(PARTS)]
    if strays:
        raise ValueError(
            f"Expected tensors of the encoder and the decoder in {folder}, got also "
            f"{quoted(strays[0], 80)}."
        )
    for part, config in configs.items():
        names = {_own_name(n, part): n for n in stored.shapes if n.startswith(part)}
        own = StoredTensors(
            {own: stored.shapes[name] for own, name in names.items()},
            lambda own, names=names: stored.read(names[own]),
        )
        untied = huggingface.untied(own, values[part], FAMILY.huggingface)
        for why in untied.values():
            raise ValueError(f"The {part} of {folder} cannot be computed: {why}.")
        ignored = huggingface.ignored_names(FAMILY.huggingface)
        rows, ledger, _ = balance(own, _rows(config, part), ignored, config, 0, folder)
        entries += [dataclasses.replace(e, name=names[e.name]) for e in ledger.entries]
        _check_head(part, rows, folder)
        checkpoints[part] = Checkpoint(
            container=NAME,
            folder=folder,
            config=config,
            weights={
                path: functools.partial(_read, own, row) for path, row in rows.items()
            },
            heads=("masked_lm_head",) if part == "decoder" else (),
            has_pooler=any(row.group == "pooler" for row in rows.values()),
            ledger=ledger,
        )
    tokens = {name: values[name] for name in TOKENS if values.get(name) is not None}
    return EncoderDecoder(**checkpoints, ledger=Ledger(tuple(entries)), tokens=tokens)


def write(encoder, decoder, folder, tokens):
    """Writes `config.json` and `model.safetensors` for transformers.

    Args:
        encoder: The `Checkpoint` of the encoder, a BERT.
        decoder: That of the decoder.
        folder: A folder that exists.
        tokens: As in `EncoderDecoder`.
    """
    tensors, configs = {}, {}
    for part, checkpoint in zip(PARTS, (encoder, decoder), strict=True):
        config = checkpoint.config
        for row in _rows(config, part):
            if row.ours in checkpoint.weights:
                array = row.transform.save(
                    checkpoint.weights[row.ours](), config.num_attention_heads
                )
                name = f"encoder.{row.theirs}"
                if part == "decoder":
                    inside = row.theirs.startswith(FAMILY.huggingface.parts)
                    name = IN_DECODER[not inside] + row.theirs
                tensors[name] = np.ascontiguousarray(array)
        fields = dataclasses.asdict(config)
        if config.hidden_act == "gelu_tanh":
            fields["hidden_act"] = "gelu_new"
        configs[part] = {
            "model_type": "bert",
            **fields,
            **dict.fromkeys(OF_DECODER, part == "decoder"),
        }
    write_safetensors(tensors, folder / "model.safetensors", {"format": "pt"})
    values = {
        "architectures": ["EncoderDecoderModel"],
        "model_type": NAME,
        "is_encoder_decoder": True,
        **configs,
        **tokens,
    }
    write_json(folder / "config.json", values)


def _config_of(values, part, file, account):
    own = values.get(part)
    kind = own.get("model_type") if isinstance(own, dict) else own
    if kind != "bert":
        raise ValueError(
            f"Expected the {part} in {file} to be a 'bert', got {quoted(kind)}. "
            "kerasbert computes encoder-decoders of two BERTs alone."
        )
    expected = part == "decoder"
    for key in OF_DECODER:
        if bool(own.get(key)) != expected:
            raise ValueError(
                f"Expected {part}.{key} to be {str(expected).lower()} in {file}, got "
                f"{quoted(own.get(key))}."
            )
    own = {key: value for key, value in own.items() if key not in OF_DECODER}
    return huggingface.config_of(own, file, account, FAMILY, f"{part}.")


def _open(folder):
    for name, reader in huggingface.WEIGHT_FILES.items():
        if (folder / name).is_file() and "tf_model" not in name:
            return reader(folder / name)
    raise FileNotFoundError(
        f"Expected weights in {folder}, model.safetensors or pytorch_model.bin; found "
        "none. Was the folder fetched whole (git lfs pull)?"
    )


def _own_name(name, part):
    """Returns a name without that of the part."""
    if part == "encoder":
        return name.removeprefix("encoder.")
    return name.removeprefix(IN_DECODER[0]).removeprefix(IN_DECODER[1])


def _rows(config, part):
    table = FAMILY.huggingface.table
    heads = ("pooler",) if part == "encoder" else ("masked_lm_head",)
    table = {
        path: name
        for path, name in table.items()
        if path.startswith(("embeddings", "layer_", *heads))
    }
    if part == "decoder":
        table |= HUGGINGFACE_DECODER
    return rows_of(table, config)


def _read(stored, row):
    return row.transform.load(stored.read(row.theirs))


def _check_head(part, rows, folder):
    if part == "decoder" and not any(
        r.group == "masked_lm_head" for r in rows.values()
    ):
        raise ValueError(
            f"Expected the decoder in {folder} to have the head of a language model "
            "(decoder.cls.predictions), found none."
        )
