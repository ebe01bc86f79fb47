-- Kept free for the record layouts of files.
SELECT 1;
