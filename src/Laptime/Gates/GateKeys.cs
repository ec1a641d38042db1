using Laptime.Workspaces;

namespace Laptime.Gates;

/// <summary>The one table of gates.yaml's keys: its binder, `lap schema gates` and docs/guide/gates.md are made from it.</summary>
public static class GateKeys
{
    private static readonly KeyType Text = new KeyType.Text();
    private static readonly KeyType Name = new KeyType.Name();
    private static readonly KeyType Globs = new KeyType.Many(new KeyType.Glob());

    public static readonly KeySet Item = new("item", "one of `items`",
    [
        new("id", Name, "What the item is called: `lap gate claim ID`. Its records lie in a folder of this name.", "unit-tests", Required: true),
        new("text", Text, "What is done when it is done, for people.", "The unit tests pass.", Required: true),
        new("check", new KeyType.Command(),
            "The command that shows it: it must end with 0. A text goes to the system's shell (`/bin/sh -e -c`, `cmd` on Windows), a list starts the program itself. "
            + "It runs in the folder of gates.yaml. Taken verbatim: `${NAME}` is the shell's.", "./test --quick", Required: true),
        new("timeout", new KeyType.Span("100ms", "24h"), "Bound on the check.", "20m", "`10m`"),
        new("inputs", Globs, "What the check is about, relative to gates.yaml's folder. A commit that touches one of these makes a verdict stale; others do not. Only what git tracks counts.",
            "[\"src/**\", test]", "everything that git tracks"),
        new("evidence", Globs, "Files that the check leaves. Their digests are part of the claim, and small ones are kept with it.", "[out/report.txt]", "none"),
        new("same", new KeyType.Many(new KeyType.Choice("evidence", "output")),
            "What must come out the same in the verification, beside the exit code: the evidence byte for byte, the standard output line for line.", "[evidence, output]", "`evidence`"),
        new("needs", new KeyType.Many(Name), "Items whose checks run before this one's, in the same folder. Without them it does not pass either.", "[build]", "none"),
        new("env", new KeyType.Texts(Templates: false, KeyType.TextNames.Variable),
            "Environment variables of the check, in the claim and in the verification, which has no others. Everybody can read them: no secrets.", "{ CI: \"1\" }", "none"),
    ]);

    public static readonly KeySet Root = new("gates", "the file itself",
    [
        new("version", new KeyType.Integer(1, 1), "Version of the file's format.", "1", "`1`"),
        new("items", new KeyType.Many(new KeyType.Section(Item)), "The definition of done, item by item.", "[ { id: tests, text: The tests pass., check: ./test } ]", Required: true),
        new("records", new KeyType.Path(), "Folder of the records, relative to gates.yaml. It is committed: the records travel with the repository.", "gates", "`gates`"),
        new("signed", new KeyType.Switch(), "Only records that were signed with a key of `keys/*.pub` count. A veto counts always.", "true", "`false`"),
        new("tools", new KeyType.Texts(Templates: false, KeyType.TextNames.Name), "Commands for the shell that print the versions of tools: recorded with claims and verifications.", "{ go: go version }", "none"),
        new("vars", new KeyType.Many(Text), "Environment variables of which a claim records whether they were set. Their values are not recorded, and a verification does not have them.", "[DATABASE_URL]", "none"),
    ]);

    public static IReadOnlyList<KeySet> All { get; } = [Root, Item];
}
