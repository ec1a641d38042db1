using Laptime.Artifacts;
using Laptime.Planning;

namespace Laptime.Transactions;

/// <summary>
/// What earlier runs built for what is deployed now. An artifact that is taken from the store was built by somebody, and when that was after this interval
/// began, its seconds are this interval's: building by hand first makes no deploy faster.
/// </summary>
/// <param name="found">What was looked up, by component: an artifact that is not here yet has its times in its provenance.</param>
internal sealed class EarlierBuilds(TransactionRun run, ArtifactStore store, IReadOnlyDictionary<string, LookupAnswer> found)
{
    /// <summary>Notes the earlier builds of the artifacts that a plan rolls out as they are, and of what is used by what it acts on.</summary>
    /// <returns>Components whose artifact waits for its first delivery to this environment.</returns>
    public async Task<IReadOnlySet<string>> FindAsync(Plan plan, CancellationToken cancel)
    {
        var undelivered = new HashSet<string>(StringComparer.Ordinal);
        var known = plan.Components.ToDictionary(c => c.Name, StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var acted in plan.Components.Where(c => c.Action is not (ActionKind.Skip or ActionKind.Reconcile)))
        {
            if (await TakeAsync(acted, cancel) is { } origin && !origin.DeliveredTo.Contains(run.Scope.Environment.Name, StringComparer.Ordinal))
            {
                undelivered.Add(acted.Name);
            }

            await UsedAsync(acted.Name);
        }

        return undelivered;

        async Task UsedAsync(string name)
        {
            foreach (var used in run.Scope.Workspace.Find(name)!.Uses.Where(seen.Add))
            {
                if (known.TryGetValue(used, out var planned) && planned is { Builds: false, Artifact.IsNone: false } && await OriginAsync(planned, cancel) is { Trusted: false } origin)
                {
                    run.Built(new EarlierWork("build", used, origin.Start, origin.End));
                }

                await UsedAsync(used);
            }
        }
    }

    /// <summary>Notes who built the artifact that a component takes from the store.</summary>
    /// <returns>Null when it takes none, or nobody knows.</returns>
    public async Task<ArtifactOrigin?> TakeAsync(PlannedComponent planned, CancellationToken cancel)
    {
        if (planned.Builds || planned.Action is ActionKind.Skip or ActionKind.Reconcile || planned.Artifact.IsNone || await OriginAsync(planned, cancel) is not { } origin)
        {
            return null;
        }

        run.Tell(run[planned.Name] with { ArtifactBuild = new ArtifactBuildReport(origin.Transaction, origin.Start, origin.End) });
        if (!origin.Trusted)
        {
            run.Built(new EarlierWork("build", planned.Name, origin.Start, origin.End));
        }

        return origin;
    }

    /// <summary>The artifact was seen serving here: deploying it again later is no delivery of a change any more.</summary>
    public async Task DeliveredAsync(PlannedComponent planned, CancellationToken cancel)
    {
        var environment = run.Scope.Environment.Name;
        if (await store.OriginAsync(planned.Fingerprint.Value, cancel) is { } origin && !origin.DeliveredTo.Contains(environment, StringComparer.Ordinal))
        {
            await store.RecordOriginAsync(planned.Fingerprint.Value, origin with { DeliveredTo = [.. origin.DeliveredTo, environment] }, cancel);
        }
    }

    private async Task<ArtifactOrigin?> OriginAsync(PlannedComponent planned, CancellationToken cancel)
    {
        var origin = await store.OriginAsync(planned.Fingerprint.Value, cancel);
        return planned.Prebuilt ? (origin ?? (found.GetValueOrDefault(planned.Name) as LookupAnswer.Prebuilt)?.Origin) is { } built ? built with { Trusted = true } : null : origin;
    }
}
