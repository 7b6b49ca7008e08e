-- the audio of prompts, as WAV files of one channel, 8 kHz and 16 bits; the prompt itself is an object
CREATE TABLE prompt_audio (
    tenant       {BIGINT} NOT NULL,
    id           {UUID} NOT NULL,
    version      {BIGINT} NOT NULL,
    milliseconds {BIGINT} NOT NULL,
    bytes        {BIGINT} NOT NULL,
    source       TEXT NOT NULL,
    uploaded_at  {BIGINT} NOT NULL,
    uploaded_by  TEXT NOT NULL,
    -- last, so that nothing of it is read where only the others are asked for
    audio        {BYTES} NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES object (tenant, id) ON DELETE CASCADE
);
