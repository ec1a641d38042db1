using System.Text.Json;
using Laptime.Artifacts.Provenance;
using Laptime.Cli.Commands;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Cli.Rendering;

/// <summary>Keys on a terminal. Nothing of a private key but where it lies.</summary>
internal static class KeysView
{
    private const int ShownHint = 12;

    public static string Made(KeyPair pair, string rule, Workspace workspace, Terminal terminal)
    {
        var page = new Page(terminal);
        page.Line(Symbols.Good(terminal), " ", new Span($"made the key {pair.Name}", Tone.Strong), new Span($"  {pair.Hint}", Tone.Dim));
        page.Wrapped("  public   ", $"{Path.GetRelativePath(workspace.Root, pair.PublicFile)}: commit it", 11);
        page.Wrapped("  private  ", $"{Shown(pair.PrivateFile, workspace)}: whoever has it can publish as you; nobody else can read it, and lap never shows it", 11);
        page.Blank();
        page.Wrapped("", workspace.Trust.Count == 0 ? "To trust what is published from here with it, add to laptime.yaml:" : "To trust what is published from here with it, add to `trust` in laptime.yaml:", 0);
        page.Blank();
        // To be copied: never wrapped or cut.
        return page + (workspace.Trust.Count == 0 ? "trust:\n" : "") + "  " + TextWidth.Clean(rule) + "\n";
    }

    public static string List(IReadOnlyList<ListedKey> keys, Terminal terminal)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(new KeyList("laptime/keys/v1", [.. keys.Select(Item)]), CliJson.Readable.KeyList) + "\n";
        }

        var page = new Page(terminal);
        if (keys.Count == 0)
        {
            page.Line("no keys yet: lap keys create");
            return page.ToString();
        }

        page.Table(
            [new Column(""), new Column("name"), new Column("hint"), new Column("private half"), new Column("trusted for", Yields: Yields.Shrinking)],
            [.. keys.Select(k => new Span[]
            {
                k.Problem is not null ? Symbols.Bad(terminal) : k.Rules.Count > 0 ? Symbols.Good(terminal) : Symbols.Skip(), k.Name, new(k.Hint?[..ShownHint] ?? "no key", Tone.Dim),
                k.PrivateFile is null ? new Span("not here", Tone.Dim) : "here",
                k.Rules.Count == 0 ? new Span("nothing: no rule names it", Tone.Dim) : string.Join("; ", k.Rules.Select(Words)),
            })]);
        foreach (var problem in keys.Select(k => k.Problem).OfType<Problem>())
        {
            page.Blank();
            page.Wrapped(Symbols.Bad(terminal), problem.Where is null ? problem.What : $"{problem.Where}: {problem.What}", 2);
            if (problem.Mend is { } mend)
            {
                page.Wrapped("  ", new Span("mend: " + mend, Tone.Dim), 2);
            }
        }

        return page.ToString();
    }

    private static string Words(TrustRule rule) =>
        $"{rule.Source} by {rule.Builder}" + (rule.MaxAge is { } age ? $", {Duration.Text(age)}" : "") + (rule.Until is { } until ? $", until {until.UtcDateTime:yyyy-MM-dd}" : "");

    private static string Shown(string file, Workspace workspace) =>
        Path.GetRelativePath(workspace.Root, file) is var relative && !relative.StartsWith("..", StringComparison.Ordinal) ? relative : file;

    private static KeyItem Item(ListedKey key) => new(
        key.Name, key.Name, key.PublicFile, key.Hint, key.PrivateFile,
        [.. key.Rules.Select(r => new KeyTrust(r.Source, r.Builder, r.MaxAge?.TotalSeconds, r.Until is { } until ? $"{until.UtcDateTime:yyyy-MM-dd}" : null, r.At?.ToString()))], key.Problem);
}
