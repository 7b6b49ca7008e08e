-- left_generation: the contents that hold who was attempted and has left the list since, with what names them only; 0
-- while there is nobody
ALTER TABLE contact_list ADD COLUMN left_generation {BIGINT} NOT NULL DEFAULT 0;
