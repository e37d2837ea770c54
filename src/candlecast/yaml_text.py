"""Reading YAML: one clear error for whatever is wrong, and no key twice."""

from __future__ import annotations

from typing import Any

import yaml

from candlecast.checks import first_repeated
from candlecast.errors import InputError


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which by itself lets the last of two equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys are all different."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        repeated = first_repeated(keys)
        if repeated is not None:
            raise ValueError(f"key '{repeated}' stands twice")
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML text.

    Args:
        text: The text.
        where: Named in the error's message.

    Raises:
        InputError: If it is not YAML, or holds a value that does not exist, such as 30 February.
    """
    try:
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{where}: this cannot be read as YAML ({detail}).") from error
