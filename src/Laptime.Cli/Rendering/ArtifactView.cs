using System.Globalization;
using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Transactions.Stored;
using Laptime.Artifacts.Provenance;

namespace Laptime.Cli.Rendering;

/// <summary>Artifacts on a terminal: a list, one, what verifying found, what pruning does.</summary>
internal static class ArtifactView
{
    private const int Label = 13;
    private const int FewFiles = 12;

    public static string List(IReadOnlyList<ArtifactEntry> entries, StoreReport store, IReadOnlyList<string> unread, DateTimeOffset now, Terminal terminal)
    {
        var page = new Page(terminal);
        if (entries.Count == 0)
        {
            page.Wrapped("", new Span($"no artifacts in the {store.Kind} store {store.Name}: {(store.Kind == "local" ? "lap deploy" : "lap publish")} puts some there"), 0);
            return page.ToString();
        }

        Table(
            page,
            [
                new Column(""), new Column("component"), new Column("artifact"), new Column("size", Right: true), new Column("built"), new Column("profile", Yields: Yields.Late),
                new Column("provenance", Yields: Yields.Late), new Column("deployed", Yields: Yields.Shrinking), new Column("key", Yields: Yields.First), new Column("fingerprint", Yields: Yields.First),
                new Column("by", Yields: Yields.First),
            ],
            [.. entries.Select(e => new Span[]
            {
                Sign(e, terminal), new(e.Component ?? "?", Tone.Strong), e.Artifact.Short, e.Size is { } size ? Bytes(size) : "?", new(Age(e.BuiltAt, now), Tone.Dim), e.Profile ?? "",
                Trust(e, store.Kind), Places(e), new(e.Trust is TrustVerdict.Trusted { Rule.Key: var key } ? Path.GetFileName(key) : "", Tone.Dim), new(e.Fingerprint.IsNone ? "" : e.Fingerprint.Short, Tone.Dim), new(e.Transaction ?? "", Tone.Dim),
            })]);
        page.Blank();
        page.Wrapped("", new Span($"{Sentences.Count(entries.Count, "artifact")}, {Bytes(DistinctBytes(entries))} in the {store.Kind} store {store.Name}", Tone.Dim), 0);
        Warn(page, unread);
        return page.ToString();
    }

    public static string One(ArtifactDocument document, DateTimeOffset now, Terminal terminal, bool all)
    {
        var item = document.Artifact;
        var page = new Page(terminal);
        page.Line(new Span(item.Component is null ? item.Artifact : $"{item.Component}@{item.Artifact[7..19]}", Tone.Strong), new Span($"  {item.Kind}, {(item.Size is { } size ? Bytes(size) : "?")}"));
        Fact("artifact", item.Artifact);
        Fact("fingerprint", item.Fingerprint ?? "none: it was built while its inputs changed, or its tag is gone");
        Fact("store", $"{document.Store.Kind}: {document.Store.Name}");
        if (item.BuiltAt is { } built)
        {
            Fact("built", $"{built.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z, {Age(built, now)} ago{(item.Transaction is null ? "" : $", by {item.Transaction}")}{(item.Profile is null ? "" : $", profile {item.Profile}")}");
        }

        Provenance(document, Fact);
        Fact("deployed", item.Deployed.Count == 0 ? (item.Used ? "nowhere; what is deployed was built with it" : "nowhere") : string.Join(", ", item.Deployed));
        Fact("rollback", item.Rollback.Count == 0 ? "target of no environment" : $"target in {string.Join(", ", item.Rollback)}");
        if (item.Flaw is { } flaw)
        {
            page.Wrapped(Symbols.Bad(terminal), new Span(flaw, Tone.Bad), 2);
        }

        foreach (var layer in document.Layers)
        {
            page.Blank();
            page.Line(
                new Span($"layer {layer.Digest[7..19]}", Tone.Accent),
                new Span($"  {Bytes(layer.Size)}{(layer.Files is null ? $", {layer.MediaType}" : $", {Sentences.Count(layer.Files.Count, "file")}")}", Tone.Dim));
            var shown = all ? layer.Files ?? [] : [.. (layer.Files ?? []).OrderByDescending(f => f.Size).Take(FewFiles)];
            foreach (var file in shown)
            {
                page.Line(
                    new Span($"{(file.Link is null ? Bytes(file.Size) : "link"),10}  ", Tone.Dim), file.Path, new Span(file.Executable ? "*" : "", Tone.Dim),
                    new Span(file.Link is null ? "" : $" -> {file.Link}", Tone.Dim));
            }

            if (layer.Files?.Count > shown.Count)
            {
                page.Line(new Span($"            and {layer.Files.Count - shown.Count} smaller ones: -v shows all", Tone.Dim));
            }
        }

        return page.ToString();

        void Fact(string name, string text) => page.Wrapped(new Span("  " + name, Tone.Dim), new Span(text), Label + 2);
    }

    public static string Verified(IReadOnlyList<CheckedArtifact> results, StoreReport store, Terminal terminal)
    {
        var page = new Page(terminal);
        foreach (var result in results)
        {
            page.Line(
                result.IsGood ? Symbols.Good(terminal) : Symbols.Bad(terminal), " ", new Span(result.Entry.Label, Tone.Strong), "  ",
                new Span(result.Status, result.IsGood ? Tone.Good : Tone.Bad), new Span(result.Status == "intact" ? "  own build, without provenance" : "", Tone.Dim));
            if (!result.IsGood && result.Detail is { } detail)
            {
                page.Wrapped("", new Span("  " + detail), 2);
            }

            foreach (var damage in result.Damaged)
            {
                page.Wrapped("", new Span($"  {damage.Where}: {damage.What}", Tone.Dim), 4);
            }

            if (!result.IsGood && result.Mend is { } mend)
            {
                page.Wrapped("", new Span("  mend: " + mend, Tone.Dim), 4);
            }
        }

        var counts = results.GroupBy(r => r.Status).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}");
        page.Wrapped("", new Span(results.Count == 0 ? $"no artifacts in the {store.Kind} store {store.Name}" : $"{string.Join(", ", counts)} in the {store.Kind} store {store.Name}", Tone.Dim), 0);
        return page.ToString();
    }

    public static string Pruned(PruneDocument document, DateTimeOffset now, Terminal terminal, bool all)
    {
        var page = new Page(terminal);
        var what = string.Join(", ", ((string[])
        [
            Sentences.Count(document.Removed.Count, "artifact"),
            document.Attestations.Count == 0 ? "" : Sentences.Count(document.Attestations.Count, "attestation"),
            document.Blobs == 0 ? "" : Sentences.Count(document.Blobs, "blob"),
            document.Leftovers == 0 ? "" : Sentences.Count(document.Leftovers, "leftover file"),
        ]).Where(w => w.Length > 0));
        var nothing = document.Removed.Count + document.Attestations.Count + document.Blobs + document.Leftovers == 0;
        page.Wrapped(
            nothing ? Symbols.Skip() : document.DryRun ? new Span(terminal.Unicode ? "→" : ">", Tone.Accent) : Symbols.Good(terminal),
            new Span(nothing ? $"nothing to remove from the {document.Store.Kind} store {document.Store.Name}"
                : $"{(document.DryRun ? "would remove" : "removed")} {what}: {Bytes(document.Bytes)} from the {document.Store.Kind} store {document.Store.Name}", Tone.Strong), 2);
        if (document.Removed.Count > 0)
        {
            page.Blank();
            Items(document.Removed, "why");
        }

        if (all && document.Kept.Count > 0)
        {
            page.Blank();
            page.Line(new Span("kept", Tone.Strong));
            Items(document.Kept, "why");
        }
        else
        {
            page.Blank();
            foreach (var group in document.Kept.GroupBy(k => k.Why).OrderByDescending(g => g.Count()))
            {
                page.Wrapped(new Span("  keeps ", Tone.Dim), new Span($"{group.Count()}: {group.Key}", Tone.Dim), 10);
            }
        }

        Warn(page, document.Notes);
        if (document.DryRun && !nothing)
        {
            page.Blank();
            page.Line("nothing was removed: --yes does it");
        }

        return page.ToString();

        void Items(IReadOnlyList<PruneItem> items, string why) => Table(
            page,
            [new Column(""), new Column("component"), new Column("artifact"), new Column("size", Right: true), new Column("built"), new Column(why, Yields: Yields.Shrinking), new Column("profile", Yields: Yields.First)],
            [.. items.Select(i => new Span[] { "", new(i.Component ?? "?", Tone.Strong), i.Artifact.Length > 19 ? i.Artifact[7..19] : i.Artifact, i.Size is { } size ? Bytes(size) : "?", new(Age(i.BuiltAt, now), Tone.Dim), i.Why, i.Profile ?? "" })]);
    }

    /// <summary>Without the columns that say nothing in any row.</summary>
    private static void Table(Page page, IReadOnlyList<Column> columns, IReadOnlyList<Span[]> rows)
    {
        int[] used = [.. Enumerable.Range(0, columns.Count).Where(c => c == 0 || rows.Any(r => r[c].Text.Length > 0))];
        page.Table([.. used.Select(c => columns[c])], [.. rows.Select(r => used.Select(c => r[c]).ToArray())]);
    }

    /// <summary>As people read sizes: <c>512 B</c>, <c>14.2 kB</c>, <c>1.2 MB</c>.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 999_950 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        < 999_950_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
    };

    private static void Provenance(ArtifactDocument document, Action<string, string> fact)
    {
        var trust = document.Artifact.Trust;
        fact("provenance", trust.Status switch
        {
            "trusted" => $"trusted: {trust.Source}, built by {trust.Builder}, signed with {trust.Key}",
            "none" => document.Store.Kind == "local" ? "none: an own build" : "none: nobody signed for it",
            _ => $"{trust.Status}: {trust.Detail}",
        });
        if (document.Provenance is not { } p)
        {
            return;
        }

        var says = p.Believed ? "" : "it says of itself: ";
        fact("", $"{says}{p.Event}, commit {p.Commit[..Math.Min(12, p.Commit.Length)]}{(p.Dirty ? " with uncommitted changes" : "")} on {p.Ref} of {p.Repository}");
        if (p.Steps.Count > 0)
        {
            fact("", "steps " + string.Join(", ", p.Steps.Select(s => s.Cache == "hit" ? $"{s.Name} (cached)" : $"{s.Name} {Duration.Text(s.Seconds)}")));
        }

        fact("", $"{Sentences.Count((int)Math.Min(p.Inputs, int.MaxValue), "input file")}, lap {p.LapVersion}{(p.Uses.Count == 0 ? "" : ", with " + string.Join(", ", p.Uses.Select(u => $"{u.Component}@{u.Artifact[7..19]}")))}");
    }

    private static Span Sign(ArtifactEntry entry, Terminal terminal) =>
        entry.Flaw is not null || entry.Trust is TrustVerdict.Refused { Reason: Refusal.Tampered } ? Symbols.Bad(terminal)
        : entry.Trust is TrustVerdict.Refused ? new Span("!", Tone.Warn)
        : entry.DeployedIn.Count > 0 ? Symbols.Good(terminal) : Symbols.Skip();

    private static Span Trust(ArtifactEntry entry, string store) => entry.Trust switch
    {
        _ when entry.Flaw is not null => new Span("damaged", Tone.Bad),
        TrustVerdict.Trusted => new Span("trusted", Tone.Good),
        TrustVerdict.Refused refused => new Span(refused.Fallback, Tone.Warn),
        _ => new Span(store == "local" ? "own build" : "none", Tone.Dim),
    };

    private static Span Places(ArtifactEntry entry) =>
        entry.DeployedIn.Count > 0 ? new Span(string.Join(", ", entry.DeployedIn), Tone.Good)
        : entry.RollbackIn.Count > 0 ? new Span($"rollback {string.Join(", ", entry.RollbackIn)}", Tone.Dim)
        : new Span(entry.IsUsed ? "used" : "", Tone.Dim);

    /// <summary>One number is enough for an age.</summary>
    private static string Age(DateTimeOffset? at, DateTimeOffset now) => at is not { } then ? "?" : (now - then) switch
    {
        { TotalSeconds: < 60 } age => $"{Math.Max(0, (int)age.TotalSeconds)} s",
        { TotalMinutes: < 60 } age => $"{(int)age.TotalMinutes} m",
        { TotalHours: < 48 } age => $"{(int)age.TotalHours} h",
        var age => $"{(int)age.TotalDays} d",
    };

    private static long DistinctBytes(IReadOnlyList<ArtifactEntry> entries) =>
        entries.SelectMany(e => e.Manifests).SelectMany(m => m.Blobs.Append(m.Descriptor)).DistinctBy(b => b.Digest).Sum(b => b.Size);

    private static void Warn(Page page, IReadOnlyList<string> notes)
    {
        foreach (var note in notes)
        {
            page.Wrapped(new Span("!", Tone.Warn), note, 2);
        }
    }
}
