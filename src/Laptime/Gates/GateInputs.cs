using Laptime.Fingerprints;

namespace Laptime.Gates;

/// <summary>What an item is about, in a commit: the tracked files that its globs, and those of what it needs, take.</summary>
internal sealed class GateInputs(GateSheet sheet, GateRepository repository)
{
    private readonly Dictionary<string, IReadOnlyList<TreeEntry>> trees = new(StringComparer.Ordinal);

    public async Task<Digest> DigestAsync(GateItem item, string commit, CancellationToken cancel)
    {
        using var fields = new LengthPrefixed("laptime gate inputs v1");
        foreach (var entry in await OfAsync(item, commit, cancel).ConfigureAwait(false))
        {
            fields.Add(entry.Mode).Add(entry.Id).Add(entry.Path);
        }

        return fields.Finish();
    }

    /// <summary>Why a claim is stale; null: what it is about is as it was, whatever else was committed.</summary>
    public async Task<GateStale?> StaleAsync(GateItem item, GateRecord claim, string head, CancellationToken cancel)
    {
        var same = claim.Inputs == (await DigestAsync(item, head, cancel).ConfigureAwait(false)).ToString();
        if (claim.Definition != sheet.Definition(item).ToString())
        {
            return await NamedAsync("what gates.yaml asks for", repository.InTop(Path.GetFileName(sheet.File)), claim.Revision!, head, cancel).ConfigureAwait(false);
        }

        if (same)
        {
            return null;
        }

        if (!await repository.HasAsync(claim.Revision!, cancel).ConfigureAwait(false))
        {
            return new GateStale($"its inputs are others than at {claim.Revision![..12]}, which is not in this clone (git fetch)", null, null);
        }

        var (then, now) = (await OfAsync(item, claim.Revision!, cancel).ConfigureAwait(false), await OfAsync(item, head, cancel).ConfigureAwait(false));
        var changed = now.Except(then).Concat(then.Except(now)).Select(e => e.Path).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (changed.Count == 0)
        {
            return new GateStale("the claim's inputs are not those of its commit", null, null);
        }

        var named = await NamedAsync(changed[0], changed[0], claim.Revision!, head, cancel).ConfigureAwait(false);
        return changed.Count == 1 ? named : named with { What = $"{named.What} and {changed.Count - 1} more" };
    }

    private async Task<GateStale> NamedAsync(string what, string path, string from, string to, CancellationToken cancel) =>
        await repository.LastTouchAsync(from, to, path, cancel).ConfigureAwait(false) is (var commit, var subject) ? new GateStale(what, commit, subject) : new GateStale($"{what} is not as claimed", null, null);

    public async Task<IReadOnlyList<TreeEntry>> OfAsync(GateItem item, string commit, CancellationToken cancel)
    {
        if (!trees.TryGetValue(commit, out var tree))
        {
            trees[commit] = tree = await repository.TreeAsync(commit, cancel).ConfigureAwait(false);
        }

        var chain = sheet.Chain(item);
        var patterns = chain.Any(i => i.Inputs.Count == 0) ? null : chain.Select(i => InputPatterns.Compile(repository.Below, i.Inputs)).ToList();
        var own = repository.InTop(Path.GetFileName(sheet.File));
        var records = new RecordNames(repository.InTop(sheet.Records));
        return [.. tree.Where(e => e.Path != own && !records.IsOne(e.Path) && (patterns is null || patterns.Exists(p => p.Matches(e.Path)))).OrderBy(e => e.Path, StringComparer.Ordinal)];
    }
}
