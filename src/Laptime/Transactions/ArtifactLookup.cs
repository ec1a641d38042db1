using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>
/// Looks for prebuilt artifacts: reads the attestation of a fingerprint (one round trip) and verifies signature, source, builder and age. Nothing is written.
/// What fails is an answer with its reason, never an exception: the fast loop builds then, the safe loop refuses.
/// </summary>
/// <param name="own">The workspace's own store, where what was fetched stays with its attestation.</param>
/// <param name="shared">The store that `lap publish` writes to; may be <paramref name="own"/>.</param>
/// <param name="trust">Whom to believe.</param>
/// <param name="root">Of the workspace.</param>
/// <param name="ready">Waits until the shared store answers, and says what had to be done for it; null: it needs no asking.</param>
public sealed class ArtifactLookup(
    ArtifactStore own, ArtifactStore shared, TrustPolicy trust, ProcessRunner runner, string root, Func<Timeline, CancellationToken, Task<string?>>? ready = null) : IDisposable
{
    private readonly Lock gate = new();
    private Task<string?>? readiness;
    private Task<IReadOnlySet<string>>? uncommitted;

    public ArtifactStore Shared => shared;

    /// <summary>The prebuilt artifact of a fingerprint, from our own store or the shared one.</summary>
    /// <param name="inputs">Files that the fingerprint is of, relative to the root: uncommitted ones explain why nothing was published for them.</param>
    public async Task<LookupAnswer> FindAsync(string component, Digest fingerprint, IEnumerable<string> inputs, Timeline timeline, CancellationToken cancel)
    {
        var local = await OfOwnAsync(component, fingerprint, timeline, cancel);
        if (local is LookupAnswer.Prebuilt || ReferenceEquals(own, shared))
        {
            return await ExplainAsync(local, component, inputs, cancel);
        }

        // Git answers while the store does.
        var changes = UncommittedAsync(cancel);
        using var segment = timeline.Begin("lookup", component, "store");
        LookupAnswer answer;
        try
        {
            await ReadyAsync(timeline, cancel);
            answer = Judge(shared, await shared.GetManifestAsync(Attestation.TagOf(fingerprint), cancel), component, fingerprint);
            segment.End();
        }
        catch (StoreException e)
        {
            segment.End("failed");
            answer = ArtifactFetch.Answer(e);
        }
        catch (FaultException e)
        {
            segment.End("failed");
            answer = new LookupAnswer.Fallback(LookupAnswer.Fallback.LookupFailed, e.Fault.What, e.Fault.Mend ?? "see what the store says");
        }

        await changes;
        return await ExplainAsync(answer, component, inputs, cancel);
    }

    /// <summary>What our own store knows of where the artifact of a fingerprint comes from. Asks nobody else.</summary>
    public async Task<LookupAnswer> OfOwnAsync(string component, Digest fingerprint, Timeline timeline, CancellationToken cancel)
    {
        try
        {
            if (await own.GetManifestAsync(Attestation.TagOf(fingerprint), cancel) is not { } manifest)
            {
                return Judge(own, null, component, fingerprint);
            }

            using var segment = timeline.Begin("lookup", component, "provenance");
            var answer = Judge(own, manifest, component, fingerprint);
            segment.End();
            return answer;
        }
        catch (StoreException e) when (e.Failure != StoreFailure.Local)
        {
            return ArtifactFetch.Answer(e);
        }
    }

    /// <summary>What lies here may be more than a build of our own: with provenance beside it that holds, it is a prebuilt artifact.</summary>
    public async Task<Plan> AttestAsync(Plan plan, Detected detected, Timeline timeline, CancellationToken cancel)
    {
        var asked = plan.Components.Where(c => c is { Action: ActionKind.Rollout, Prebuilt: false } && !detected.Lookups.ContainsKey(c.Name)).ToList();
        var found = (await Task.WhenAll(asked.Select(async c => (c.Name, Answer: await OfOwnAsync(c.Name, c.Fingerprint.Value, timeline, cancel) as LookupAnswer.Prebuilt))))
            .Where(f => f.Answer is { } answer && answer.Artifact == asked.First(c => c.Name == f.Name).Artifact).ToDictionary(f => f.Name, f => f.Answer!, StringComparer.Ordinal);
        foreach (var (name, answer) in found)
        {
            detected.Lookups[name] = answer;
        }

        return plan with { Components = [.. plan.Components.Select(c => found.ContainsKey(c.Name) ? c with { Action = ActionKind.LookupAndRollout, Prebuilt = true } : c)] };
    }

    public void Dispose() => trust.Dispose();

    private LookupAnswer Judge(ArtifactStore store, StoredManifest? manifest, string component, Digest fingerprint)
    {
        LookupAnswer answer = trust.Verify(manifest?.Bytes, component, fingerprint) switch
        {
            TrustVerdict.Trusted { Provenance: var p } trusted => new LookupAnswer.Prebuilt(
                p.Artifact,
                new ProvenanceReport(p.Source.Event, p.Source.Repository, p.Source.Commit, p.Builder, trusted.Rule.Key, p.Finished),
                new ArtifactOrigin(p.Invocation, p.Started, p.Finished) { Trusted = true }),
            TrustVerdict.Refused refused => new LookupAnswer.Fallback(refused.Fallback, refused.What, refused.Mend),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return manifest is null ? answer : answer with { Judged = new AttestationRef(component, $"{Address(store)}:{Attestation.TagOf(fingerprint)}", BundleOf(manifest).ToString()) };
    }

    /// <summary>A registry by its address; a folder as seen from the workspace, for it goes into statements that others read.</summary>
    private string Address(ArtifactStore store) =>
        store.Name.Contains("://", StringComparison.Ordinal) ? store.Name : string.Join('/', Path.GetRelativePath(root, store.Name).Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    /// <summary>The digest of the bundle that was judged; of what stands in its place, where it is none.</summary>
    private static Digest BundleOf(StoredManifest manifest)
    {
        try
        {
            return Digest.Of(Attestation.Parse(manifest.Bytes).Bundle);
        }
        catch (FormatException)
        {
            return manifest.Descriptor.Digest;
        }
    }

    /// <summary>Nothing is ever published for what is not committed: that explains a missing artifact better than its absence.</summary>
    private async Task<LookupAnswer> ExplainAsync(LookupAnswer answer, string component, IEnumerable<string> inputs, CancellationToken cancel)
    {
        if (answer is not LookupAnswer.Fallback { Reason: LookupAnswer.Fallback.Missing } || await UncommittedAsync(cancel) is not { Count: > 0 } changed
            || inputs.FirstOrDefault(changed.Contains) is not { } first)
        {
            return answer;
        }

        return new LookupAnswer.Fallback(LookupAnswer.Fallback.DirtyTree, $"{component} has uncommitted changes ({first}), and only commits are published", "commit, and let it be published from there");
    }

    /// <summary>Returns when the shared store answers; asked once.</summary>
    /// <returns>What had to be done for it; null: nothing.</returns>
    /// <exception cref="FaultException">It does not answer within its bounds.</exception>
    public Task<string?> ReadyAsync(Timeline timeline, CancellationToken cancel)
    {
        lock (gate)
        {
            return readiness ??= ready?.Invoke(timeline, cancel) ?? Task.FromResult<string?>(null);
        }
    }

    /// <summary>What was done for the shared store, where it was used and something was.</summary>
    public string? News => readiness is { IsCompletedSuccessfully: true, Result: { } news } ? news : null;

    /// <summary>Asked once; empty outside of a repository.</summary>
    private Task<IReadOnlySet<string>> UncommittedAsync(CancellationToken cancel)
    {
        lock (gate)
        {
            return uncommitted ??= AskAsync(cancel);
        }
    }

    private async Task<IReadOnlySet<string>> AskAsync(CancellationToken cancel)
    {
        await Task.Yield();
        try
        {
            var git = await Git.OpenAsync(runner, root, "", cancel);
            return (await git.UncommittedAsync(cancel)).ToHashSet(StringComparer.Ordinal);
        }
        catch (Exception e) when (e is FaultException or LapException)
        {
            return new HashSet<string>();
        }
    }
}
