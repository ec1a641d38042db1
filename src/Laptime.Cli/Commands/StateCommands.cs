using System.CommandLine;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>What is there now: status, logs, down, lock.</summary>
internal static class StateCommands
{
    private static readonly Argument<string> One = new("COMPONENT") { HelpName = "COMPONENT", Description = "The component", CompletionSources = { static _ => DeployFlags.ComponentNames() } };
    private static readonly Option<int> Lines = Flag.Number("--lines", "How many of the newest lines", 100, 0, "-n");
    private static readonly Option<bool> Follow = Flag.Switch("--follow", "Go on with what comes, until Ctrl-C");

    public static Command Status() => Verb.Make(
        "status", "What runs, read from the target itself, and how it differs from what was last verified.", [],
        async session =>
        {
            var scope = session.Scope;
            await using var target = session.OpenTarget(mayLaunch: true);
            var readAt = session.Clock.GetUtcNow();
            var observed = await target.ObserveAsync(session.Shutdown.Token);
            var records = new StateStore(scope.EnvironmentFolder).Load();
            var newest = records.ToDictionary(r => r.Key, r => r.Value[0], StringComparer.Ordinal);
            var stale = Planning.Reconciliation.Stale(scope.Workspace, Detector.RunningOf(observed), newest);
            var names = scope.Workspace.Components.Where(c => c.Run is not null).Select(c => c.Name).Union(observed.Select(o => o.Component));
            var components = names.Select(name => Describe(name, observed.FirstOrDefault(o => o.Component == name), newest.GetValueOrDefault(name), stale.GetValueOrDefault(name), scope)).ToList();
            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new StatusDocument("laptime/status/v1", scope.Workspace.Name, scope.Environment.Name, scope.Environment.Target.ToString().ToLowerInvariant(), readAt, components),
                    CliJson.Readable.StatusDocument));
            }
            else
            {
                Console.Out.Write(Rendering.StatusView.Render(scope.Workspace.Name, scope.Environment.Name, components, readAt, session.Terminal));
            }

            return 0;
        },
        "lap status", "lap status --env production -o json");

    public static Command Logs() => Verb.Make(
        "logs", "What a component printed.", [One, Lines, Follow],
        async session =>
        {
            var name = session.Arguments.GetValue(One)!;
            await using var target = session.OpenTarget(mayLaunch: false);
            if (session.Workspace.Find(name) is null)
            {
                session.Select([name]);
            }

            try
            {
                await foreach (var line in target.LogsAsync(name, session.Arguments.GetValue(Lines), session.Arguments.GetValue(Follow), session.Shutdown.Token))
                {
                    Console.Out.WriteLine(line);
                }
            }
            catch (OperationCanceledException) when (session.Arguments.GetValue(Follow))
            {
                // Ctrl-C is how following ends.
            }

            return 0;
        },
        "lap logs gateway", "lap logs gateway --follow", "lap logs gateway -n 20");

    public static Command Down() => Verb.Make(
        "down", "Stop what runs in the environment.", [DeployFlags.Components, DeployFlags.LockTimeout, DeployFlags.Traces],
        session =>
        {
            // A component that left laptime.yaml may still run: names are not checked against the file here.
            var names = session.Arguments.GetValue(DeployFlags.Components);
            var options = new DeployOptions
            {
                Selected = names is null or [] ? null : new HashSet<string>(names, StringComparer.Ordinal), LockTimeout = DeployFlags.LockTimeoutOf(session),
            };
            return Transaction.RunAsync(session, "down", options, (parts, timeline, cancel) => parts.Deployer.StopAsync(options, timeline, cancel));
        },
        "lap down", "lap down gateway");

    public static Command LockGroup() => Verb.Group(
        "lock", "Who holds an environment.",
        Verb.Make("status", "Show who holds which environment, since when, and the last heartbeat.", [], session =>
        {
            var items = session.Workspace.Environments.Select(e => (e.Name, Held: EnvironmentLock.Read(session.Folder.Environment(e.Name)))).Where(e => e.Held is not null)
                .Select(e => Item(e.Name, e.Held!.Value.Holder, e.Held.Value.Heartbeat)).ToList();
            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new LockList("laptime/locks/v1", items), CliJson.Readable.LockList));
            }
            else if (items.Count == 0)
            {
                Console.Out.WriteLine("no environment is held");
            }

            foreach (var item in session.Json ? [] : items)
            {
                Console.Out.WriteLine(
                    $"{item.Environment}: {item.Transaction}, {item.User}@{item.Host}, pid {item.Pid} ({item.Owner}), since {item.Since:HH:mm:ss}Z, last heartbeat {Duration.Text(session.Clock.GetUtcNow() - item.Heartbeat)} ago");
            }

            return Task.FromResult(0);
        }),
        Verb.Make("release", "Remove the lock of an environment whose holder is gone for good. The holder cannot write any more if it comes back.", [], session =>
        {
            var environment = session.Environment().Name;
            var folder = session.Folder.Environment(environment);
            if (!Directory.Exists(folder) || EnvironmentLock.Release(folder) is not { } holder)
            {
                Console.Out.WriteLine($"{environment}: nobody holds it");
                return Task.FromResult(0);
            }

            Console.Out.WriteLine($"{environment}: released; it was held by {holder.Transaction} ({holder.Owner.User}@{holder.Owner.Host}, pid {holder.Owner.Pid})");
            return Task.FromResult(0);
        }, "lap lock release --env production"));

    private static LockItem Item(string environment, LockHolder holder, DateTimeOffset heartbeat) => new(
        environment, environment, holder.Transaction, holder.Owner.User, holder.Owner.Host, holder.Owner.Pid, holder.Since, heartbeat, holder.Fence,
        holder.Owner.IsAlive() switch { true => "alive", false => "dead", _ => "on another host" });

    private static StatusComponent Describe(string name, Observed? observed, Planning.DeployedRecord? record, IReadOnlyList<string>? stale, DeployScope scope)
    {
        var drift = (observed, record) switch
        {
            (null, null) => null,
            (null, _) => $"the target runs none; {record!.Revision} was verified",
            (_, null) => scope.Workspace.Find(name) is null ? "runs, but laptime.yaml does not have it" : "runs, but was not deployed from here",
            var (seen, known) when seen.DeploymentKey != known.DeploymentKey => $"runs {seen.Revision}; {known.Revision} was verified",
            _ => stale is null ? null : string.Join("; ", stale) + ": `lap deploy` restarts it",
        };
        return new StatusComponent(
            name,
            observed is null ? null : new StatusObserved(
                observed.Revision, observed.Artifact.ToString(), observed.Fingerprint.ToString(), observed.Transaction, observed.Instances, observed.Of, observed.Since, observed.Serving, observed.Detail, observed.Tail,
                observed.Pids),
            new SignalsReport
            {
                Live = new SignalReport { Status = observed is null ? "unknown" : observed.Serving ? "pass" : "fail" },
                Ready = new SignalReport { Status = (observed?.Ready ?? SignalStatus.NotRun).Text() },
                Reflected = observed is null ? new SignalReport { Status = "unknown" } : new SignalReport { Status = ComponentReports.Reflected(observed).Text(), Observed = observed.Revision, Instances = observed.Instances, Of = observed.Of },
            },
            drift,
            observed?.Endpoint);
    }
}
