using System.Formats.Tar;
using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>Hooks, archives of the volumes, hooks; and then what the archives hold is read, whatever the hooks said.</summary>
internal static class BackupTier
{
    /// <summary>Who wrote something that this backup has to hold: volumes that are in it whole, and items whose place only the recipe (or its database) knows.</summary>
    public static List<Seeder> Covered(Stage stage) => stage.Facts.Backup is not { } backup ? []
        : [.. stage.Seeders.Where(s => s.Volumes.Count == 0 || s.Volumes.All(v => backup.Volumes.TryGetValue(v, out var paths) && paths is null))];

    public static async Task RunAsync(Stage stage, BackupFacts backup, TierRun tier, CancellationToken cancel)
    {
        var before = await stage.Driver.ObserveAsync(cancel);
        tier.VerifiedVersion = before.Version;
        if (backup.Trouble is { } trouble)
        {
            tier.Check(false, "", trouble, "keep the label on the main service alone: hooks and volumes are named where they are");
        }

        Directory.CreateDirectory(stage.Backup);
        if (!await HooksAsync(stage, backup, HookMoment.BeforeBackup, tier, cancel))
        {
            return;
        }

        using (var segment = tier.Begin("archive"))
        {
            foreach (var (volume, paths) in backup.Volumes)
            {
                var file = new FileStream(stage.FileOf(volume), FileMode.Create, FileAccess.ReadWrite);
                await using (file.ConfigureAwait(false))
                {
                    await stage.Driver.GetAsync(volume, paths, file, cancel);
                }
            }

            segment.End();
        }

        await HooksAsync(stage, backup, HookMoment.AfterBackup, tier, cancel);
        using (var segment = tier.Begin("assert"))
        {
            var moved = Stage.Difference(before, await stage.Driver.ObserveAsync(cancel));
            tier.Check(moved is null, "nothing was replaced while it was backed up", $"the deployment changed while it was backed up: {moved}", "hooks run in containers that live on; they must not deploy");
            await ReadAsync(stage, backup, tier, cancel);
            segment.End();
        }

        await stage.AssertAsync(tier, cancel);
    }

    /// <returns>False: one failed.</returns>
    public static async Task<bool> HooksAsync(Stage stage, BackupFacts backup, HookMoment moment, TierRun tier, CancellationToken cancel)
    {
        foreach (var hook in backup.Hooks.Where(h => h.Moment == moment))
        {
            using var segment = tier.Begin("hook");
            var end = await stage.Driver.ExecAsync(hook.Service, ["/bin/sh", "-c", hook.Command], cancel);
            segment.End(end.ExitCode == 0 ? "ok" : "failed");
            if (!tier.Check(end.ExitCode == 0, $"hook in {hook.Service}: `{hook.Command}` ended with 0", $"the hook in {hook.Service} ended with {end.ExitCode}: `{hook.Command}`",
                $"run it by hand there: lap test --keep, then the command in {hook.Service}", [.. end.Output.TakeLast(20)]))
            {
                return false;
            }
        }

        return true;
    }

    private static async Task ReadAsync(Stage stage, BackupFacts backup, TierRun tier, CancellationToken cancel)
    {
        var covered = Covered(stage);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var opaque = new List<string>();
        foreach (var (volume, paths) in backup.Volumes)
        {
            var content = await ArchiveContent.ReadAsync(stage.FileOf(volume), [.. stage.Seeds.Values], cancel);
            found.UnionWith(content.Found);
            opaque.AddRange(content.Opaque);
            foreach (var path in paths ?? [])
            {
                var bytes = content.BytesBelow(path);
                tier.Check(bytes > 0, $"{volume}/{path} is in the backup, {Bytes(bytes)}", $"{volume}/{path} is empty in the backup", "what writes it failed, or wrote elsewhere, and said nothing: read its output");
            }

            if (paths is null)
            {
                tier.Saw($"{volume}: {content.Files} files, {Bytes(content.Bytes)} in the backup");
            }
        }

        if (backup.Excluded.Count > 0)
        {
            tier.Saw($"left out on purpose: {string.Join(", ", backup.Excluded)}");
        }

        if (covered.Count == 0)
        {
            tier.Unverify("nothing was seeded that this backup would hold, so that it holds anything is not shown", "give `seed: { put, get }` in recipe.yaml: two small programs that write and read an item");
            return;
        }

        var missing = stage.Seeds.Where(s => !found.Contains(s.Value)).Select(s => s.Key).ToList();
        if (missing.Count > 0 && opaque.Count > 0)
        {
            tier.Saw($"{string.Join(", ", opaque)} cannot be read from outside: whether the items are in it, the restore shows");
            return;
        }

        tier.Check(missing.Count == 0, $"the backup holds the {stage.Seeds.Count} items that were written before", $"the backup does not hold what was written before: {string.Join(", ", missing)}",
            "a hook that ends with 0 is no proof: look at what it writes");
    }

    internal static string Bytes(long bytes) => bytes switch { < 10_000 => $"{bytes} bytes", < 10_000_000 => $"{bytes / 1000} kB", _ => $"{bytes / 1_000_000} MB" };
}

/// <summary>What an archive holds, read from it.</summary>
internal sealed record ArchiveContent(IReadOnlyDictionary<string, long> Entries, IReadOnlySet<string> Found, IReadOnlyList<string> Opaque)
{
    private const int Block = 1 << 16;

    public int Files => Entries.Count;

    public long Bytes => Entries.Values.Sum();

    public long BytesBelow(string path)
    {
        var prefix = path.Trim('/').TrimStart('.').TrimStart('/');
        return Entries.Where(e => e.Key == prefix || e.Key.StartsWith(prefix + "/", StringComparison.Ordinal)).Sum(e => e.Value);
    }

    /// <param name="values">Looked for in every file; packed ones (gzip) are unpacked for it.</param>
    public static async Task<ArchiveContent> ReadAsync(string file, IReadOnlyList<string> values, CancellationToken cancel)
    {
        var (entries, found, opaque) = (new Dictionary<string, long>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal), new List<string>());
        var stream = File.OpenRead(file);
        await using (stream.ConfigureAwait(false))
        {
            await using var reader = new TarReader(stream);
            while (await reader.GetNextEntryAsync(copyData: false, cancel) is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
                {
                    continue;
                }

                var name = entry.Name.TrimStart('.').TrimStart('/');
                entries[name] = entry.Length;
                if (entry.DataStream is { } data)
                {
                    await LookAsync(data, name, values, found, opaque, cancel);
                }
            }
        }

        return new ArchiveContent(entries, found, opaque);
    }

    private static async Task LookAsync(Stream data, string name, IReadOnlyList<string> values, HashSet<string> found, List<string> opaque, CancellationToken cancel)
    {
        var wanted = values.Select(v => (Text: v, Bytes: System.Text.Encoding.UTF8.GetBytes(v))).ToList();
        var keep = wanted.Count == 0 ? 0 : wanted.Max(w => w.Bytes.Length) - 1;
        var head = new byte[5];
        var got = await data.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancel);
        data.Position = 0;
        if (head.AsSpan(0, got).StartsWith("PGDMP"u8))
        {
            // PostgreSQL's own format: its rows are packed.
            opaque.Add(name);
            return;
        }

        using var unpacked = got > 1 && head[0] == 0x1f && head[1] == 0x8b ? new System.IO.Compression.GZipStream(data, System.IO.Compression.CompressionMode.Decompress, leaveOpen: true) : null;
        var source = unpacked ?? data;
        var buffer = new byte[Block + keep];
        var kept = 0;
        try
        {
            while (await source.ReadAsync(buffer.AsMemory(kept, Block), cancel) is > 0 and var read)
            {
                var seen = buffer.AsSpan(0, kept + read);
                foreach (var (text, bytes) in wanted)
                {
                    if (seen.IndexOf(bytes) >= 0)
                    {
                        found.Add(text);
                    }
                }

                kept = Math.Min(keep, seen.Length);
                seen[^kept..].CopyTo(buffer);
            }
        }
        catch (InvalidDataException)
        {
            opaque.Add(name);
        }
    }
}
