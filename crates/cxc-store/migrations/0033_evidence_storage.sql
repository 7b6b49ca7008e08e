-- Blocks are packed and sealed: PostgreSQL would try in vain to make them shorter.
{POSTGRES}ALTER TABLE evidence ALTER COLUMN body SET STORAGE EXTERNAL;
{POSTGRES}ALTER TABLE evidence ALTER COLUMN devices SET STORAGE EXTERNAL;
