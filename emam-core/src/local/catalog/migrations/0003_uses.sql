-- Assets by the stem of their file name, as timelines name media; see `relink::stem`.
CREATE TABLE asset_stem (
    stem TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (stem, seq)
) STRICT, WITHOUT ROWID;

-- Which sequences and bins an asset is used in. Its id and not its seq: a use outlives the asset.
CREATE TABLE sequence_asset (
    asset BLOB NOT NULL,
    seq INTEGER NOT NULL REFERENCES sequence (seq) ON DELETE CASCADE,
    PRIMARY KEY (asset, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX sequence_asset_by_sequence ON sequence_asset (seq);

CREATE TABLE bin_asset (
    asset BLOB NOT NULL,
    seq INTEGER NOT NULL REFERENCES bin (seq) ON DELETE CASCADE,
    PRIMARY KEY (asset, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX bin_asset_by_bin ON bin_asset (seq);
