using Laptime.Foundations;

namespace Laptime.Gates;

/// <summary>A claim that was made.</summary>
/// <param name="Notes">What the claimer should know.</param>
public sealed record GateClaimed(GateItem Item, StoredRecord Record, IReadOnlyList<string> Notes);

public sealed partial class GateBook
{
    /// <summary>So many names of files that are not in the commit are recorded.</summary>
    private const int MostBeside = 2000;

    private const int NamesShown = 10;

    /// <summary>Claims that an item is done: its check passes on the commit that is checked out, with nothing uncommitted.</summary>
    /// <exception cref="FaultException">The tree is not clean, the check fails, or it leaves no evidence (24).</exception>
    public Task<GateClaimed> ClaimAsync(GateItem item, CancellationToken cancel) => TellingAsync("claim", item, () => MakeClaimAsync(item, cancel), cancel);

    private async Task<GateClaimed> MakeClaimAsync(GateItem item, CancellationToken cancel)
    {
        using var key = OpenKey();
        var by = await repository.IdentityAsync(cancel).ConfigureAwait(false);
        var head = await repository.HeadAsync(cancel).ConfigureAwait(false);
        await RequireCleanAsync(item, head, cancel).ConfigureAwait(false);
        var inputs = new GateInputs(Sheet, repository);
        if ((await inputs.OfAsync(item, head, cancel).ConfigureAwait(false)).Count == 0)
        {
            throw new LapException($"{item.Id}: no file that git tracks is an input, so nothing would ever make a verdict stale", Sheet.File, "correct `inputs`, or leave it out: then it is everything that git tracks");
        }

        var names = new RecordNames(repository.InTop(Sheet.Records));
        var beside = (await repository.BesideAsync(cancel).ConfigureAwait(false)).Where(f => !names.IsOne(f) && !IsOurs(f)).ToList();
        var checks = new GateChecks(Sheet, Sheet.Root, new Dictionary<string, string?>(), GateChecks.SecretsOf(Environment.GetEnvironmentVariables()), parts.Runner);
        var environment = await checks.EnvironmentAsync(parts.LapVersion, path: null, cancel).ConfigureAwait(false);
        var runs = new List<GateRun>();
        foreach (var each in Sheet.Chain(item))
        {
            parts.Say?.Invoke($"{each.Id}: {each.Line} (at most {Duration.Text(each.Timeout)})");
            var run = await checks.RunAsync(each, parts.OnLine, cancel).ConfigureAwait(false);
            runs.Add(run);
            if (!run.Succeeded)
            {
                throw Refused(item, $"{(each == item ? "its check fails" : $"it needs {each.Id}, whose check fails")}: `{each.Line}`: {run.Ending}", "a check that fails cannot be claimed: mend what it found", run.Tail);
            }
        }

        var notes = await AfterwardsAsync(item, head, cancel).ConfigureAwait(false);
        var evidence = checks.Evidence(item, await repository.FilesAsync(cancel).ConfigureAwait(false), records.Keep);
        if (GateChecks.Without(item, evidence) is { Count: > 0 } without)
        {
            throw Refused(item, $"the check passed, but left no {string.Join(", ", without)}", "let the check write it, or take it out of `evidence`", []);
        }

        var record = await AddAsync(
            new GateRecord
            {
                Kind = "claim", Item = item.Id, At = parts.Clock.GetUtcNow(), By = by, After = [], Revision = head, Definition = Sheet.Definition(item).ToString(),
                Inputs = (await inputs.DigestAsync(item, head, cancel).ConfigureAwait(false)).ToString(), Environment = environment, Runs = runs, Evidence = evidence,
                Beside = [.. beside.Take(MostBeside)], BesideMore = beside.Count > MostBeside ? beside.Count - MostBeside : null,
            }, key, cancel).ConfigureAwait(false);
        return new GateClaimed(item, record, notes);
    }

    private async Task RequireCleanAsync(GateItem item, string head, CancellationToken cancel)
    {
        if (await UncommittedAsync(cancel).ConfigureAwait(false) is { Count: > 0 } changed)
        {
            throw Refused(item, $"only a commit is claimed, and these are not in {head[..12]}: {Named(changed)}", "commit or stash them (git status); what shall never be committed belongs into .gitignore", []);
        }

        if (await repository.HiddenAsync(cancel).ConfigureAwait(false) is { Count: > 0 } hidden)
        {
            throw Refused(item, $"git was told not to look at {Named(hidden)}: a change in it would not show", "git update-index --no-assume-unchanged --no-skip-worktree FILE", []);
        }

        var own = repository.InTop(Path.GetFileName(Sheet.File));
        if ((await repository.TreeAsync(head, cancel).ConfigureAwait(false)).All(e => e.Path != own))
        {
            throw Refused(item, $"{own} is not committed: nobody else would know what was claimed", $"git add -f {own} and git commit", []);
        }
    }

    /// <summary>The check must not have changed what it is about.</summary>
    private async Task<IReadOnlyList<string>> AfterwardsAsync(GateItem item, string head, CancellationToken cancel)
    {
        if (await repository.HeadAsync(cancel).ConfigureAwait(false) is var now && now != head)
        {
            throw Refused(item, $"another commit was checked out while the check ran: {now[..12]} in place of {head[..12]}", "claim again", []);
        }

        var left = await UncommittedAsync(cancel).ConfigureAwait(false);
        var tracked = (await repository.TreeAsync(head, cancel).ConfigureAwait(false)).Select(e => e.Path).ToHashSet(StringComparer.Ordinal);
        if (left.Where(tracked.Contains).ToList() is { Count: > 0 } changed)
        {
            throw Refused(item, $"files of the commit changed while the check ran: {Named(changed)}", "let the check write elsewhere, or claim again when nobody edits", []);
        }

        return left.Count == 0 ? [] : [$"the check left {Named(left)}, which git does not ignore: the next claim will refuse"];
    }

    /// <summary>lap's own things, which it makes ignored.</summary>
    private static bool IsOurs(string path) => path.StartsWith(".laptime/", StringComparison.Ordinal) || path.Contains("/.laptime/", StringComparison.Ordinal);

    private FaultException Refused(GateItem item, string what, string mend, IReadOnlyList<string> tail) => new(new Fault(Outcome.GateFailed, $"{item.Id}: {what}", Sheet.File, mend, tail));

    private static string Named(IReadOnlyList<string> files) => string.Join(", ", files.Take(NamesShown)) + (files.Count > NamesShown ? $" and {files.Count - NamesShown} more" : "");
}
