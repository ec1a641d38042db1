using Laptime.Foundations;
using Laptime.Ledgers.Behaviour;
using Laptime.Processes;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>Tries the bodies of one ledger on PostgreSQL, each as it would meet the database after those before it.</summary>
public static class PostgresLab
{
    /// <param name="bodies">In the order in which they will be applied.</param>
    /// <param name="folder">For files that are needed meanwhile; nobody else may read it.</param>
    /// <returns>One trial per body. Where no scratch can be made, each says why.</returns>
    public static async Task<IReadOnlyList<Trial>> TryAsync(
        ScratchSettings settings, IReadOnlyList<(MigrationBody Body, ScriptReading Reading)> bodies, string folder, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        var trials = bodies.Select(static b => b.Reading.Refused.Count > 0 ? Trial.NotRun($"not tried: {string.Join("; ", b.Reading.Refused.Take(3))}") : null).ToList();
        if (trials.TrueForAll(static t => t is not null))
        {
            return trials!;
        }

        try
        {
            await using var scratch = await PostgresScratch.OpenAsync(PostgresDoor.Of(settings.Server), clock, cancel);
            await RunAsync(scratch, settings, bodies, trials, folder, runner, clock, cancel);
        }
        catch (Exception e) when (e is FaultException or NpgsqlException && !cancel.IsCancellationRequested)
        {
            var why = Trial.NotRun($"not tried: {e.Message}{(e is FaultException { Fault.Tail: [.., var last] } ? $" ({last})" : "")}");
            return [.. trials.Select(t => t ?? why)];
        }

        return trials!;
    }

    private static async Task RunAsync(
        PostgresScratch scratch, ScratchSettings settings, IReadOnlyList<(MigrationBody Body, ScriptReading Reading)> bodies, List<Trial?> trials, string folder, ProcessRunner runner, TimeProvider clock, CancellationToken cancel)
    {
        var live = settings.Live is { } address ? PostgresDoor.Of(address) : null;
        var (start, notes) = settings.Template is { } template
            ? (await scratch.CopyAsync(template, cancel), (IReadOnlyList<string>)[$"tried on a copy of {template}, rows and all"])
            : live is not null ? await SkeletonAsync(scratch, live, settings, folder, runner, cancel)
            : throw new FaultException(new Fault(Outcome.UsageError, "there is neither a database whose schema could be copied nor a template", null, "set `database` or `template`"));
        var trial = new PostgresTrial(scratch, await InvalidAsync(live, cancel), clock);
        for (var i = 0; i < bodies.Count; i++)
        {
            if (trials[i] is not null)
            {
                Break(trials, bodies, i);
                return;
            }

            var last = i == bodies.Count - 1;
            var database = last ? start : await scratch.CloneAsync(start, cancel);
            trials[i] = await trial.RunAsync(database, bodies[i].Body, bodies[i].Reading, settings.Bound, cancel) with { Notes = notes };
            if (last)
            {
                return;
            }

            await scratch.DropAsync(database, cancel);
            // The next one meets a database in which this one was applied: once.
            var once = new PostgresApplication(bodies[i].Body, bodies[i].Reading);
            using var bound = new CancellationTokenSource(settings.Bound, clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancel);
            try
            {
                await once.RunAsync(scratch.Into(start), both.Token);
            }
            catch (Exception e) when (bound.IsCancellationRequested && !cancel.IsCancellationRequested && e is OperationCanceledException or NpgsqlException)
            {
                await scratch.EndSessionsAsync(cancel);
                Break(trials, bodies, i);
                return;
            }

            if (once.Error is not null)
            {
                Break(trials, bodies, i);
                return;
            }
        }
    }

    private static async Task<(string, IReadOnlyList<string>)> SkeletonAsync(PostgresScratch scratch, PostgresDoor live, ScratchSettings settings, string folder, ProcessRunner runner, CancellationToken cancel)
    {
        var (database, left) = await scratch.SkeletonAsync(live, new PostgresSkeleton(runner), folder, settings.KeepsSkeleton, cancel);
        return (database, [$"tried on the schema of {live.Database}, without its rows", .. left.Select(static l => "left out of the copy: " + l)]);
    }

    private static async Task<IReadOnlySet<string>> InvalidAsync(PostgresDoor? live, CancellationToken cancel)
    {
        if (live is null)
        {
            return new HashSet<string>();
        }

        await using var session = await live.ReadOnly().OpenAsync(cancel);
        return await PostgresMeters.InvalidIndexesAsync(session, cancel);
    }

    /// <summary>Nothing after a body that could not be applied can be told.</summary>
    private static void Break(List<Trial?> trials, IReadOnlyList<(MigrationBody Body, ScriptReading Reading)> bodies, int at)
    {
        for (var i = at + 1; i < trials.Count; i++)
        {
            trials[i] ??= Trial.NotRun($"not tried: {bodies[at].Body.File}, which comes before it, could not be applied");
        }
    }
}
