// Entry of the `godwit` command.
process.stdout.write("godwit\n");
