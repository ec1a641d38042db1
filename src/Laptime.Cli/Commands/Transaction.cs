using System.Runtime;
using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Cli.FastPath;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Processes;
using Laptime.Reports;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>
/// Runs one transaction for a command: journal, live progress, report files, the result on stdout, the exit code. What it does in between is the
/// command's own.
/// </summary>
internal static class Transaction
{
    /// <summary>Twice what a deploy of one change in a tree of 10,000 files allocates. Collecting in the middle of a run of a second costs 10 ms and gains nothing.</summary>
    private const long UncollectedBytes = 64 << 20;

    /// <summary>One that works on an environment.</summary>
    public static async Task<int> RunAsync(Session session, string verb, DeployOptions options, Func<Parts, Timeline, CancellationToken, Task<TransactionDocument>> work)
    {
        await session.UndoAbandonedAsync();
        LeaveUncollected();
        session.ApproachTarget();
        var scope = session.Scope;
        var guard = scope.Environment.Loop == Workspaces.Loop.Safe || session.Arguments.CommandResult.Command.Options.Contains(SafetyFlags.Override) ? new Safety(session).Guard() : null;
        await using var target = session.OpenTarget(mayLaunch: true);
        return await RecordAsync(
            session, verb,
            (log, show, timeline, cancel) =>
            {
                var detector = new Detector(scope, session.Store, session.Lookup, target, session.Runner, Environment.GetEnvironmentVariable, session.Clock);
                var deployer = new Deployer(
                    scope, detector, session.Store, session.Lookup, new Builder(session.Runner, session.Clock), show, target, new Prober(session.Clock),
                    new TriggerFinder(session.Runner, scope.Workspace.Root, session.Clock), log, guard is null ? null : guard.RequireAsync, session.Clock)
                {
                    Ledgers = (name, stop) => LedgerCommands.HeadAsync(session, name, stop),
                };
                return work(new Parts(scope, detector, deployer, target, log), timeline, cancel);
            },
            (document, cancel) => ProofWriter.SaveAsync(session, options, document, target, cancel));
    }

    /// <summary>Records whatever <paramref name="work"/> does.</summary>
    /// <param name="succeeded">After a good end, before it is told.</param>
    public static async Task<int> RecordAsync(
        Session session, string verb, Func<TransactionLog, Action<BuildLine>, Timeline, CancellationToken, Task<TransactionDocument>> work,
        Func<TransactionDocument, CancellationToken, Task>? succeeded = null)
    {
        var cancel = session.Shutdown.Token;
        var scope = session.Scope;
        var terminal = session.Terminal;
        session.Folder.Create();
        var reports = new ReportFiles(session.Folder.Reports);

        var tracing = Tracing.Of(session);

        // It may start a thread, which takes milliseconds where every processor is busy: first of all.
        var progress = Progress.Create(terminal, Console.Error, session.Clock);

        // Opened beside the detection: nobody waits for it until there is something to record.
        var opening = Task.Run(() => OpenJournal(session, reports));
        TransactionDocument? ended = null;
        try
        {
            TransactionDocument document;
            try
            {
                void Show(BuildLine line)
                {
                    if (session.Verbose || terminal.Progress == ProgressMode.Live)
                    {
                        progress.Output(line.Component, line.Line.Text);
                    }
                }

                var log = new TransactionLog(() => opening.GetAwaiter().GetResult().Journal, progress.Happened);
                var timeline = new Timeline(session.Clock, log.Segment, Program.BeganAt);
                log.Open(tracing.Start(First(session, scope, verb, timeline.Started), timeline));
                timeline.CountStartUp();
                document = await work(log, Show, timeline, cancel);
                if (document.Outcome == Outcome.Interrupted.Name)
                {
                    document = document with { ExitCode = session.Shutdown.Outcome.ExitCode };
                }

                log.End(document);
                reports.Write(document);
                document = log.Document;
            }
            finally
            {
                progress.Dispose();
            }

            ended = document;
            if (scope.Environment.Loop == Workspaces.Loop.Safe && document.Outcome != Outcome.Unchanged.Name
                && document is not { Guardrails: not null, Failure.Kind: "guardrail-refused" })
            {
                // What was asked is in the log already; this is what came of it, however it ended.
                await new Safety(session).AppendAsync(document, CancellationToken.None);
            }

            if (document.ExitCode == 0 && succeeded is not null)
            {
                await succeeded(document, cancel);
            }

            if (!session.Quiet || terminal.Json)
            {
                Results.Transaction(document, terminal, Console.Out);
            }
            else if (document.Failure is { } failure)
            {
                Verb.Explain([new Problem(failure.Message, failure.Where, failure.Mend)], failure.Tail);
            }

            GitHubActions.Tell(document, reports.Markdown(document.Id));
            return document.ExitCode ?? Outcome.InternalError.ExitCode;
        }
        finally
        {
            await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            IReadOnlyList<TransactionDocument> abandoned = [];
            if (opening.IsCompletedSuccessfully)
            {
                (var journal, abandoned) = await opening;
                journal.Dispose();
            }

            // Last: the interval has ended, the results are shown and kept, and no collector can change any of that.
            await tracing.ExportAsync(ended, abandoned);
        }
    }

    /// <returns>The journal, and the transactions of killed runs that were closed now.</returns>
    private static (Journal Journal, IReadOnlyList<TransactionDocument> Abandoned) OpenJournal(Session session, ReportFiles reports)
    {
        var journal = session.OpenJournal();

        // From here on the fast path is not to answer: should this run be killed, the next one has to close its record.
        ProofWriter.Forget(session.Scope);
        var abandoned = Recovery.CloseAbandoned(journal);
        foreach (var document in abandoned)
        {
            reports.Write(document);
        }

        return (journal, abandoned);
    }

    /// <summary>What goes beyond the bound is collected as ever; so is everything where the bound is refused (a small container).</summary>
    private static void LeaveUncollected()
    {
        if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
        {
            // The demo deploys several times in one process.
            return;
        }

        try
        {
            _ = GC.TryStartNoGCRegion(UncollectedBytes);
        }
        catch (ArgumentOutOfRangeException)
        {
            // More than may be had here.
        }
    }

    /// <summary>The document before anything happened.</summary>
    public static TransactionDocument First(Session session, DeployScope scope, string verb, DateTimeOffset started) => new()
    {
        Id = TransactionId.New(started).Text,
        Verb = verb,
        Workspace = scope.Workspace.Name,
        Environment = scope.Environment.Name,
        Target = scope.Environment.Target.ToString().ToLowerInvariant(),
        Loop = scope.Environment.Loop.ToString().ToLowerInvariant(),
        Profile = scope.Profile?.Name,
        MeasuredFor = Environment.GetEnvironmentVariable(MeasuredCommand.Variable) is { Length: > 0 } measurement ? measurement : null,
        Actor = $"{Environment.UserName}@{Environment.MachineName}, pid {Environment.ProcessId}",
    };
}

/// <summary>What a transaction works with.</summary>
internal sealed record Parts(DeployScope Scope, Detector Detector, Deployer Deployer, Target Target, TransactionLog Log);
