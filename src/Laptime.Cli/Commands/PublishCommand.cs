using System.CommandLine;
using Laptime.Artifacts.Provenance;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>`lap publish`: from a commit to artifacts in the shared store, with provenance that deploys verify.</summary>
internal static class PublishCommand
{
    private const int NamesShown = 5;

    private static readonly Option<string?> Key = Flag.Text("--key", "The private key that signs (default: the one in .laptime/keys)", "FILE");
    private static readonly Option<string?> KeyCommand = Flag.Text("--key-command", "Signs instead of a key in a file: gets what is to be signed on its standard input, prints the signature (needs --public-key)", "COMMAND");
    private static readonly Option<string?> PublicKey = Flag.Text("--public-key", "The public half of what --key-command signs with", "FILE");
    private static readonly Option<bool> Again = Flag.Switch("--force", "Build and publish also what is published already");

    public static System.CommandLine.Command Make() => Verb.Make(
        "publish",
        "Build the commit that is checked out, from a clean checkout, and put it into the artifact store with signed provenance.",
        [DeployFlags.Components, DeployFlags.Profile, DeployFlags.Full, Again, Key, KeyCommand, PublicKey, KeysCommands.Builder, DeployFlags.Parallel, DeployFlags.Traces],
        RunAsync,
        "lap publish                      everything that has no published artifact yet, as the first environment builds it",
        "lap publish --env production     as the environment production builds it: its profile, its loop's steps",
        "lap publish gateway -o json      the transaction document on stdout",
        "lap publish --key-command 'vault-sign ci' --public-key keys/ci.pub");

    private static async Task<int> RunAsync(Session session)
    {
        var cancel = session.Shutdown.Token;
        var workspace = session.Workspace;
        var options = DeployFlags.Read(session) with { Force = session.Arguments.GetValue(Again) };
        await session.UndoAbandonedAsync();
        var source = await new SourceEvents(session.Runner, workspace.Root, Environment.GetEnvironmentVariable).FindAsync(cancel);
        if (source.Dirty)
        {
            throw new FaultException(new Fault(
                Outcome.GuardrailRefused,
                $"dirty-tree: only commits are published, and these differ from {source.Commit[..12]}: {string.Join(", ", source.Changed.Take(NamesShown))}{(source.Changed.Count > NamesShown ? $" and {source.Changed.Count - NamesShown} more" : "")}",
                workspace.Root, "commit or stash them (git status); what shall never be committed belongs into .gitignore"));
        }

        using var key = LoadKey(session);
        var git = await Git.OpenAsync(session.Runner, workspace.Root, "publishing needs git: what is published is a commit", cancel);
        await using var checkout = await CleanCheckout.OpenAsync(git, source.Commit, session.Clock, cancel);
        var publication = new Publication(source, SourceEvents.BuilderOf(session.Arguments.GetValue(KeysCommands.Builder), Environment.GetEnvironmentVariable), key, Session.Version);
        using var lookup = session.OpenLookup();
        var scope = session.ScopeOf(WorkspaceFile.Load(Path.Combine(checkout.Root, Path.GetRelativePath(workspace.Root, workspace.File)), Environment.GetEnvironmentVariable));
        var code = await Transaction.RecordAsync(session, "publish", (log, show, timeline, token) =>
            new Publisher(scope, session.Store, lookup, publication, session.Runner, Environment.GetEnvironmentVariable, show, log, session.Clock).PublishAsync(options, timeline, token));
        if (code == Outcome.BuildFailed.ExitCode)
        {
            checkout.Keep();
            Console.Error.WriteLine($"lap: the checkout is kept to look into, until the next publish: {checkout.Root}");
        }

        return code;
    }

    private static SigningKey LoadKey(Session session)
    {
        var arguments = session.Arguments;
        if (arguments.GetValue(KeyCommand) is { Length: > 0 } command)
        {
            var verification = arguments.GetValue(PublicKey) is { Length: > 0 } given
                ? VerificationKey.Load(Path.GetFullPath(given, Session.Here()), "--public-key")
                : throw new LapException("--key-command needs --public-key: a signature is checked before it is used", null, "give the public half of the key that the command signs with");
            return SigningKey.FromCommand(Processes.Command.Shell(command, session.Workspace.Root), verification, session.Runner);
        }

        if (arguments.GetValue(Key) is { Length: > 0 } file)
        {
            return SigningKey.FromFile(Path.GetFullPath(file, Session.Here()));
        }

        var ring = new KeyRing(session.Workspace);
        var folder = Path.GetDirectoryName(ring.PrivateFile(KeyRing.DefaultName));
        var keys = ring.PrivateFiles();
        return keys switch
        {
            [var only] => SigningKey.FromFile(only),
            [] => throw new LapException("there is no key to sign with", folder, "`lap keys create` makes one and prints the trust rule for laptime.yaml; or give --key FILE"),
            _ => throw new LapException($"there are several keys: {string.Join(", ", keys.Select(Path.GetFileNameWithoutExtension))}", folder, "say which: --key .laptime/keys/NAME.key"),
        };
    }
}
