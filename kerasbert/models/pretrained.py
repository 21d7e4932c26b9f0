"""Reading and writing published weights, for every model."""


class Pretrained:
    """A model that loads published weights and writes them.

    `kerasbert.checkpoints` does it and loads when it is asked to.
    """

    @classmethod
    def from_pretrained(cls, source, strict=False, **kwargs):
        """Loads published weights.

        Args:
            source: A folder with a checkpoint in any container, `hf://org/name`,
                `kaggle://...`, `https://tfhub.dev/...` or a name of the zoo.
            strict: Refuse what is otherwise warned about: configuration keys that
                nobody knows, and a pooler that the checkpoint does not have.
            **kwargs: `dtype`, a dtype policy such as `"mixed_bfloat16"`, and `name`.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the checkpoint is broken, does not match its configuration
                or holds another kind of model.
        """
        from kerasbert.checkpoints.models import load

        return load(cls, source, strict=strict, **kwargs)

    def save_pretrained(self, folder, format="huggingface", overwrite=False):
        """Writes configuration and weights as other projects read them.

        Args:
            folder: The folder to make.
            format: `"huggingface"`, `"google_tf1"` or `"keras_hub"`.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
            ValueError: If the format cannot hold this model.
        """
        from kerasbert.checkpoints.models import save

        save(self, folder, format=format, overwrite=overwrite)
