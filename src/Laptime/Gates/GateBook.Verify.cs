using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Gates;

/// <summary>A verification that ran to its verdict.</summary>
/// <param name="Claim">What was verified.</param>
/// <param name="Record">Of the verdict: a pass or a fail.</param>
/// <param name="Notes">What the verifier should know.</param>
public sealed record GateVerified(GateItem Item, StoredRecord Claim, StoredRecord Record, GateStale? Stale, IReadOnlyList<string> Notes)
{
    public bool Passed => Record.Kind == "pass";
}

public sealed partial class GateBook
{
    /// <summary>What a shell ends with when it does not find a program.</summary>
    private const int ProgramMissing = 127;

    /// <summary>Repeats what somebody else claimed: from a fresh clone of the claimed commit, in an empty folder, with a clean environment.</summary>
    /// <param name="path">Program folders beside the standard ones.</param>
    /// <exception cref="FaultException">There is nothing to verify, or it is this person's own claim (24).</exception>
    public Task<GateVerified> VerifyAsync(GateItem item, IReadOnlyList<string> path, CancellationToken cancel) => TellingAsync("verify", item, () => RepeatClaimAsync(item, path, cancel), cancel);

    private async Task<GateVerified> RepeatClaimAsync(GateItem item, IReadOnlyList<string> path, CancellationToken cancel)
    {
        using var key = OpenKey();
        var by = await repository.IdentityAsync(cancel).ConfigureAwait(false);
        var head = await repository.HeadAsync(cancel).ConfigureAwait(false);
        var spki = key is null ? null : GateSignatures.Spki(key);
        var (claim, stale) = await ClaimOfAnotherAsync(item, new GateRecord { Kind = "pass", Item = item.Id, At = default, By = by, After = [], Key = spki }, signatures.NameOf(spki), head, cancel).ConfigureAwait(false);
        var revision = claim.Record.Revision!;
        if (!await repository.HasAsync(revision, cancel).ConfigureAwait(false))
        {
            throw Refused(item, $"the claimed commit {revision[..12]} is not in this repository", "git fetch, then verify again", []);
        }

        await using var ground = await ColdGround.MakeAsync(path).ConfigureAwait(false);
        parts.Say?.Invoke($"{item.Id}: cloning {revision[..12]} into an empty folder");
        await repository.CloneAsync(ground.Tree, revision, ground.Environment, cancel).ConfigureAwait(false);
        var cold = await RepeatAsync(item, claim, ground, cancel).ConfigureAwait(false);
        var record = await AddAsync(
            new GateRecord
            {
                Kind = cold.Difference is null ? "pass" : "fail", Item = item.Id, At = parts.Clock.GetUtcNow(), By = by, After = [], Revision = revision, Definition = claim.Record.Definition,
                Inputs = claim.Record.Inputs, Claim = claim.Digest.ToString(), Difference = cold.Difference, Suspects = cold.Suspects.Count > 0 ? cold.Suspects : null,
                Environment = cold.Environment, Runs = cold.Runs, Evidence = cold.Evidence,
            }, key, cancel).ConfigureAwait(false);
        return new GateVerified(item, claim, record, stale, cold.Notes);
    }

    /// <summary>The newest claim of somebody else, of the present if there is one.</summary>
    private async Task<(StoredRecord Claim, GateStale? Stale)> ClaimOfAnotherAsync(GateItem item, GateRecord me, string? knownKey, string head, CancellationToken cancel)
    {
        var (whole, troubles) = await RecordsAsync(item, head, cancel).ConfigureAwait(false);
        if (troubles.Count > 0)
        {
            throw Refused(item, $"{troubles[0].File} {troubles[0].What}", "git checkout brings the record back as it was; what was never committed is removed", []);
        }

        var claims = GateJudge.InOrder([.. whole.Where(r => r.Kind == "claim" && (!Sheet.Signed || r.KnownKey is not null))]);
        claims.Reverse();
        if (claims.Count == 0)
        {
            throw Refused(item, "nobody has claimed it", $"lap gate claim {item.Id}; records of others come with git pull", []);
        }

        if (claims.Where(c => GateJudge.SameHand(c.Record, c.KnownKey, me, knownKey) is null).ToList() is not { Count: > 0 } others)
        {
            throw Refused(item, $"you claimed it yourself: {GateJudge.SameHand(claims[0].Record, claims[0].KnownKey, me, knownKey)}", "somebody else verifies it; a claim never counts as its own verification", []);
        }

        var inputs = new GateInputs(Sheet, repository);
        foreach (var other in others)
        {
            if (await inputs.StaleAsync(item, other.Record, head, cancel).ConfigureAwait(false) is null)
            {
                return (other, null);
            }
        }

        return (others[0], await inputs.StaleAsync(item, others[0].Record, head, cancel).ConfigureAwait(false));
    }

    private sealed record Cold(string? Difference, IReadOnlyList<GateSuspect> Suspects, GateEnvironment? Environment, IReadOnlyList<GateRun> Runs, IReadOnlyList<GateEvidence> Evidence, IReadOnlyList<string> Notes);

    private async Task<Cold> RepeatAsync(GateItem asked, StoredRecord claim, ColdGround ground, CancellationToken cancel)
    {
        var root = repository.Below.Length == 0 ? ground.Tree : Path.Combine(ground.Tree, repository.Below);
        var clone = await GateRepository.OpenAsync(parts.Runner, ground.Tree, cancel).ConfigureAwait(false);
        var file = Path.Combine(root, Path.GetFileName(Sheet.File));
        if (!File.Exists(file) || GateFile.Load(file, $"{Path.GetFileName(file)} at {claim.Record.Revision![..12]}") is not { } sheet || sheet.Find(asked.Id) is not { } item)
        {
            return new Cold($"the claimed commit has no item {asked.Id} in {Path.GetFileName(Sheet.File)}", [], null, [], [], []);
        }

        if (sheet.Definition(item).ToString() != claim.Record.Definition)
        {
            return new Cold("the claim is of something else than gates.yaml asks for at the claimed commit", [], null, [], [], []);
        }

        // The clone's folder is another; what is relative to it is the same.
        var there = await GateRepository.OpenAsync(parts.Runner, root, cancel).ConfigureAwait(false);
        if ((await new GateInputs(sheet, there).DigestAsync(item, claim.Record.Revision!, cancel).ConfigureAwait(false)).ToString() != claim.Record.Inputs)
        {
            return new Cold("the claim's inputs are not those of the claimed commit", [], null, [], [], []);
        }

        var checks = new GateChecks(sheet, root, ground.Environment, [], parts.Runner);
        var environment = await checks.EnvironmentAsync(parts.LapVersion, ground.Path, cancel).ConfigureAwait(false);
        var (runs, difference) = (new List<GateRun>(), (string?)null);
        foreach (var each in sheet.Chain(item))
        {
            parts.Say?.Invoke($"{each.Id}: {each.Line} (at most {Duration.Text(each.Timeout)})");
            runs.Add(await RunAsync(checks, each, cancel).ConfigureAwait(false));
            difference = GateDifference.OfRun(runs[^1]);
            if (difference is not null)
            {
                break;
            }
        }

        var evidence = difference is null ? checks.Evidence(item, await there.FilesAsync(cancel).ConfigureAwait(false), keep: null) : [];
        var notes = new List<string>();
        if (runs is [.., { ExitCode: ProgramMissing, TimedOut: false }])
        {
            notes.Add("a program was not found: the room has only the system's folders; --path FOLDER adds one, and your newest verdict is the one that counts");
        }

        var evidenceDiffers = difference is null && Compare(sheet, item, claim, root, evidence, runs, notes, ref difference);
        var suspects = difference is null
            ? []
            : await GateSuspects.FindAsync(
                claim.Record, sheet.Vars, string.Join('\n', runs[^1].Tail.Prepend(difference)), runs[^1].Check, repository.Below,
                path => !evidenceDiffers && item.Evidence.Count > 0 && InputPatterns.Compile(repository.Below, item.Evidence).Matches(path),
                name => clone.MentionsAsync(claim.Record.Revision!, name, cancel)).ConfigureAwait(false);
        return new Cold(difference, suspects, environment, runs, evidence, notes);
    }

    /// <summary>A check that cannot even be started here is a fact about the claim, not a failure of the verification.</summary>
    private async Task<GateRun> RunAsync(GateChecks checks, GateItem item, CancellationToken cancel)
    {
        try
        {
            return await checks.RunAsync(item, parts.OnLine, cancel).ConfigureAwait(false);
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.GateFailed)
        {
            return new GateRun(item.Id, item.Line, ProgramMissing, TimedOut: false, e.Fault.What, 0, Digest.None.ToString(), []);
        }
    }

    /// <returns>Whether the difference is one of evidence.</returns>
    private bool Compare(GateSheet sheet, GateItem item, StoredRecord claim, string root, IReadOnlyList<GateEvidence> evidence, List<GateRun> runs, List<string> notes, ref string? difference)
    {
        var claimed = claim.Record.Evidence ?? [];
        var differs = GateDifference.OfEvidence(
            claimed, evidence, e => e.Size <= GateRecords.MostKept ? File.ReadAllBytes(Path.Combine(root, e.Path)) : null,
            e => e.Kept is { } kept ? File.ReadAllBytes(Path.Combine(Sheet.Root, Sheet.Records, kept)) : null);
        // That a file is missing is never left out: a claim without its evidence is none.
        var isMissing = claimed.Any(c => evidence.All(e => e.Path != c.Path));
        if (differs is not null && (isMissing || item.Same.Contains(GateSame.Evidence)))
        {
            difference = differs;
            return true;
        }

        var prints = runs.Select(r => GateDifference.OfOutput(claim.Record.Runs?.FirstOrDefault(c => c.Item == r.Item), r) is { } other && (sheet.Find(r.Item)?.Same.Contains(GateSame.Output) ?? false) ? other : null)
            .FirstOrDefault(d => d is not null);
        if (prints is not null)
        {
            difference = prints;
        }
        else if (differs is not null)
        {
            notes.Add($"not compared (`same`): {differs}");
        }

        return false;
    }
}
