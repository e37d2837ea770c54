"""The article's windows: a list with one DataFrame for each."""

from __future__ import annotations

import pandas as pd

from contenders.task import Matrix

COLUMNS = [
    "day_of_week",
    "day_of_month",
    "week_of_year",
    "month",
    "open",
    "high",
    "low",
    "close_change",
    "close",
]

Sequence = tuple[pd.DataFrame, float]


def scaled_frame(rows: Matrix) -> pd.DataFrame:
    """The rows as the article's scaler leaves them: a DataFrame of float64."""
    return pd.DataFrame(rows.astype("float64"), columns=COLUMNS)


def create_sequences(
    input_data: pd.DataFrame, target_column: str, sequence_length: int
) -> list[Sequence]:
    """The article's function, but for its progress bar."""
    sequences = []
    data_size = len(input_data)
    for i in range(data_size - sequence_length):
        sequence = input_data[i : i + sequence_length]
        label_position = i + sequence_length
        label = input_data.iloc[label_position][target_column]
        sequences.append((sequence, float(label)))
    return sequences
