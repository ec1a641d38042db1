using System.Text.Json.Nodes;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Audit;
using Laptime.Building;
using Laptime.Foundations;
using Laptime.Guardrails;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>The safe loop's parts of a session: the audit log with its key, and the guardrails of the environment.</summary>
internal sealed class Safety(Session session)
{
    private const string AuditKey = "audit";
    private static readonly TimeSpan CommandBound = TimeSpan.FromMinutes(2);

    public AuditLog Log { get; } = LogOf(session);

    public static AuditLog LogOf(Session session) => new(Path.Combine(session.Folder.Path, "audit", "log.jsonl"), session.Clock);

    /// <summary>The guardrails, asked with the overrides of the command line; null: the environment is not of the safe loop.</summary>
    public SafeLoopGuard? Guard()
    {
        var overrides = Overrides();
        var scope = session.Scope;
        if (scope.Environment.Loop != Loop.Safe)
        {
            return overrides.Names.Count == 0 ? null : throw new LapException($"{scope.Environment.Name} has no guardrails: it is of the fast loop", "--override", "leave it out");
        }

        return new SafeLoopGuard(
            scope, ReferenceEquals(session.Store, session.Shared) ? [session.Store] : [session.Store, session.Shared], session.OpenJournalForReading,
            session.Workspace.Ledgers.Count == 0 ? null : cancel => LedgerCommands.RefusalsAsync(session, cancel), overrides, AppendAsync, CommandOf, session.Runner, session.Clock);
    }

    /// <summary>Whether a record may be gone back to. In the safe loop only what is proven; elsewhere everything that is there and fits the schema.</summary>
    public RollbackTrial Trial()
    {
        var overridden = Overrides().Names.Contains(GuardrailName.Rollback);
        var scope = session.Scope;
        if (overridden && scope.Environment.Loop == Loop.Safe && !scope.Environment.Guardrails.Overridable.Contains(GuardrailName.Rollback))
        {
            throw new LapException($"{scope.Environment.Name} does not allow `--override rollback`", scope.Environment.At?.ToString(), "guardrails.override would have to name it");
        }

        return async (record, cancel) =>
        {
            using var journal = session.OpenJournalForReading();
            var probe = new RollbackProbe([session.Store, session.Shared], journal?.List(scope.Environment.Name, 500) ?? [], scope.Environment.Guardrails.RollbackAge, session.Clock.GetUtcNow());
            var target = await probe.ProbeAsync(record, cancel);
            return (target.Status switch
            {
                RollbackStatus.Proven => true,
                RollbackStatus.Missing => false,
                RollbackStatus.Stale => overridden || scope.Environment.Loop == Loop.Fast,
                // --unsafe-schema was asked for, or it would not have come here.
                _ => true,
            }, target.Line);
        };
    }

    /// <summary>Adds an entry of whoever runs this, signed where there is a key for it.</summary>
    public async Task AppendAsync(string happened, JsonObject data, CancellationToken cancel) => await AppendAsync(await ActorAsync(cancel), happened, data, cancel);

    public async Task AppendAsync(string actor, string happened, JsonObject data, CancellationToken cancel)
    {
        session.Folder.Create(Path.GetDirectoryName(Log.Path));
        using var key = Key();
        await Log.AppendAsync(actor, happened, data, key, cancel);
    }

    /// <summary>What a transaction of a safe environment came to.</summary>
    public Task AppendAsync(TransactionDocument document, CancellationToken cancel) => AppendAsync(document.Verb, new JsonObject
    {
        ["transaction"] = document.Id, ["environment"] = document.Environment, ["outcome"] = document.Outcome, ["promotedFrom"] = document.PromotedFrom,
        ["components"] = new JsonObject([.. document.Components.Where(c => c.Action != "skip").Select(c => KeyValuePair.Create(c.Name, (JsonNode?)new JsonObject
        {
            ["action"] = c.Action, ["artifact"] = c.Artifact, ["before"] = c.PreviousArtifact ?? c.Reading?.Artifact, ["serves"] = c.StillServing ?? c.Signals.Reflected.Observed,
        }))]),
        ["failure"] = document.Failure?.Message,
    }, cancel);

    /// <summary>The key that signs checkpoints and verification summaries: `audit`, else the only one that is here; null: none.</summary>
    public SigningKey? Key()
    {
        var ring = new KeyRing(session.Workspace);
        return File.Exists(ring.PrivateFile(AuditKey)) ? SigningKey.FromFile(ring.PrivateFile(AuditKey)) : ring.PrivateFiles() is [var only] ? SigningKey.FromFile(only) : null;
    }

    /// <summary>The public keys that checkpoints may be signed with: those of the ring, and those that trust rules name.</summary>
    public IReadOnlyList<VerificationKey> Keys() =>
        [.. new KeyRing(session.Workspace).List().Where(k => k.Problem is null).Select(k => VerificationKey.Load(Path.GetFullPath(Path.Combine(session.Workspace.Root, k.PublicFile)), k.PublicFile))];

    /// <summary>A clean checkout of a commit, with the same environment in it.</summary>
    public async Task<(IAsyncDisposable Held, DeployScope Scope)> CheckOutAsync(string commit, CancellationToken cancel)
    {
        var git = await Git.OpenAsync(session.Runner, session.Workspace.Root, "what was left out is made up for on a clean checkout of the commit, and this is no git repository", cancel);
        var checkout = await CleanCheckout.OpenAsync(git, commit, session.Clock, cancel);
        return (checkout, session.ScopeOf(WorkspaceFile.Load(Path.Combine(checkout.Root, Path.GetRelativePath(session.Workspace.Root, session.Workspace.File)), Environment.GetEnvironmentVariable)));
    }

    private GuardrailOverride Overrides()
    {
        var options = session.Arguments.CommandResult.Command.Options;
        return options.Contains(SafetyFlags.Override) ? SafeLoopGuard.ReadOverrides(session.Arguments.GetValue(SafetyFlags.Override) ?? [], session.Arguments.GetValue(SafetyFlags.Reason)) : GuardrailOverride.None;
    }

    private Processes.Command CommandOf(CommandLine line)
    {
        var names = session.Scope.Names;
        string Resolve(Template template) => template.Resolve(names.Of);
        var command = line switch
        {
            CommandLine.Shell shell => Processes.Command.Shell(Resolve(shell.Text), session.Workspace.Root),
            CommandLine.Exec exec => new Processes.Command { Program = Resolve(exec.Arguments[0]), Arguments = [.. exec.Arguments.Skip(1).Select(Resolve)], Directory = session.Workspace.Root },
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return command with { Secrets = names.Secrets, Deadline = CommandBound, Environment = new Dictionary<string, string?> { ["LAPTIME_ENVIRONMENT"] = session.Scope.Environment.Name } };
    }

    /// <summary>Who git says they are, and which user on which machine it was.</summary>
    private async Task<string> ActorAsync(CancellationToken cancel)
    {
        var here = $"{Environment.UserName}@{Environment.MachineName}";
        try
        {
            var git = await Git.OpenAsync(session.Runner, session.Workspace.Root, "", cancel);
            return await git.ReadAsync(["var", "GIT_COMMITTER_IDENT"], cancel) is [var ident, ..] && ident.LastIndexOf('>') is > 0 and var end ? $"{ident[..(end + 1)]} ({here})" : here;
        }
        catch (Exception e) when (e is LapException or FaultException)
        {
            return here;
        }
    }
}
