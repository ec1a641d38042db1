using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>Reads where a ledger of laptime.yaml stands, by its name; null: it could not be asked (none is configured, its address is not set).</summary>
/// <exception cref="FaultException">The database does not answer.</exception>
public delegate Task<LedgerHead?> LedgerLook(string ledger, CancellationToken cancel);

/// <summary>
/// Applies a component's migrations with its own command, under the environment's lock and before the component is rolled out. What the ledger records is
/// read before and after: when it moved, or nobody can say that it did not, what was verified before is no proven rollback target any more.
/// </summary>
internal sealed class Migrations(TransactionRun run, ProcessRunner runner, LedgerLook? look) : IDisposable
{
    /// <summary>Tools of one database get in each other's way.</summary>
    private readonly SemaphoreSlim one = new(1);

    /// <param name="after">Segments that had to end first.</param>
    /// <param name="gate">Of the state.</param>
    /// <returns>The segment's id.</returns>
    /// <exception cref="FaultException">The command failed; the component is not rolled out, and what serves goes on serving.</exception>
    public async Task<int> ApplyAsync(Component component, EnvironmentLock held, int[] after, StateStore state, Lock gate, CancellationToken cancel)
    {
        await one.WaitAsync(cancel);
        try
        {
            using var segment = run.Timeline.Begin("migrate", component.Name, after: after);
            try
            {
                await ApplyAsync(component, held, segment.Id, state, gate, cancel);
                segment.End();
                return segment.Id;
            }
            catch (FaultException)
            {
                segment.End("failed");
                throw;
            }
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private async Task ApplyAsync(Component component, EnvironmentLock held, int segment, StateStore state, Lock gate, CancellationToken cancel)
    {
        var migrate = component.Migrate!;
        if (!held.IsStillHeld())
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"the lock of {run.Scope.Environment.Name} was released or taken over meanwhile", component.Name, "see `lap lock status`, then deploy again"));
        }

        var before = await LookAsync(component, cancel);
        var folder = run.Scope.Folder.Create(Path.Combine(run.Scope.Folder.Logs, "migrate", run.Id));
        var log = Path.Combine(folder, component.Name + ".log");
        var result = await runner.RunAsync(CommandOf(component, log, held.Fence, segment), null, cancel);

        // Also of one that failed: some of it may have been applied.
        var last = await LookAsync(component, cancel);
        var moved = before is null || last is null || before.Digest != last.Digest;
        run.Tell(run[component.Name] with { Migration = new MigrationReport(migrate.Ledger, before, last, moved, log) });
        if (moved)
        {
            var words = before is not null && last is not null
                ? $"{run.Id} moved ledger {migrate.Ledger} from {before.Head ?? "nothing"} to {last.Head ?? "nothing"}"
                : $"{run.Id} ran the migrations of {component.Name}, and whether they changed the schema was not read";
            lock (gate)
            {
                state.SchemaMoved(run.Scope.Workspace.Components.Where(c => c.Name == component.Name || (migrate.Ledger is not null && c.Migrate?.Ledger == migrate.Ledger)).Select(static c => c.Name), words);
            }
        }

        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"the migrations of {component.Name} failed: {result.Ending}", migrate.At.ToString(),
                (result.TimedOut ? $"the bound is {Duration.Text(migrate.Timeout)} (`timeout:` of `migrate` changes it); " : "") + $"{component.Name} was not rolled out, what serves goes on serving; "
                + (migrate.Ledger is null ? "" : $"see `lap ledger show {migrate.Ledger}` for what was applied; ") + $"the whole output is in {log}", result.Tail));
        }
    }

    private async Task<LedgerHead?> LookAsync(Component component, CancellationToken cancel)
    {
        if (component.Migrate!.Ledger is not { } ledger || look is null)
        {
            return null;
        }

        try
        {
            return await look(ledger, cancel);
        }
        catch (Exception e) when (e is FaultException or LapException)
        {
            run.Log.Warn($"{component.Name}: ledger {ledger} could not be read: {e.Message}");
            return null;
        }
    }

    private Command CommandOf(Component component, string log, long fence, int segment)
    {
        var directory = Path.GetFullPath(Path.Combine(run.Scope.Workspace.Root, component.Path));
        var words = Detector.Resolve(component.Migrate!.Run, run.Scope.Names.For(component));
        var environment = new Dictionary<string, string?>
        {
            ["LAPTIME_ENVIRONMENT"] = run.Scope.Environment.Name, ["LAPTIME_COMPONENT"] = component.Name, ["LAPTIME_TRANSACTION"] = run.Id, ["LAPTIME_FENCE"] = fence.ToString(CultureInfo.InvariantCulture),
        };
        return (component.Migrate.Run is CommandLine.Shell ? Command.Shell(words[0], directory) : new Command
        {
            Program = words[0].Contains('/') ? Path.GetFullPath(words[0], directory) : words[0], Arguments = [.. words.Skip(1)], Directory = directory,
        }) with
        {
            Environment = run.Timeline.Trace is { } trace ? trace.Into(environment, segment) : environment, Secrets = run.Scope.Names.Secrets, Deadline = component.Migrate.Timeout, LogFile = log,
            FailsAs = Outcome.RolloutFailed,
        };
    }
}
