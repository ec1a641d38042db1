using System.CommandLine;
using System.Text.Json;
using Laptime.Artifacts.Provenance;
using Laptime.Cli.Rendering;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>`lap keys`: the pairs that artifacts are signed with and trusted by.</summary>
internal static class KeysCommands
{
    /// <summary>Also `lap publish`'s.</summary>
    public static readonly Option<string?> Builder = Flag.Text("--builder", "Who builds, a URI (default: the CI service's workflow or job, else this user on this machine)", "URI");

    private static readonly Argument<string> Name = new("NAME") { Description = "Name of the pair", DefaultValueFactory = _ => KeyRing.DefaultName };
    private static readonly Option<string?> Out = Flag.Text("--out", "Folder for the private key (default: .laptime/keys)", "FOLDER");

    /// <summary>Its twin is LAP_REPLACE: LAP_FORCE is set for deploys, and a key that was replaced is lost.</summary>
    private static readonly Option<bool> Force = Flag.Switch("--replace", "Replace a pair of that name", "--force");

    public static Command Group() => Verb.Group("keys", "The keys that published artifacts are signed with and trusted by.", Create(), List());

    private static Command Create() => Verb.Make(
        "create", "Make a key pair: the public half in keys/, to be committed; the private half where only you can read it. Prints the trust rule to add.",
        [Name, Out, Force, Builder],
        session =>
        {
            var builder = SourceEvents.BuilderOf(session.Arguments.GetValue(Builder), Environment.GetEnvironmentVariable);
            var name = session.Arguments.GetValue(Name)!;
            var pair = new KeyRing(session.Workspace).Create(
                name, session.Arguments.GetValue(Out) is { } folder ? Path.GetFullPath(folder, Session.Here()) : null, session.Arguments.GetValue(Force));
            var rule = TrustPolicy.RuleText(SourceEvent.MergeToMain, builder, KeyRing.PublicFile(name));
            Console.Out.Write(session.Json
                ? JsonSerializer.Serialize(new KeyDocument("laptime/key/v1", pair.Name, pair.Hint, KeyRing.PublicFile(name), pair.PrivateFile, SourceEvent.MergeToMain, builder, rule), CliJson.Readable.KeyDocument) + "\n"
                : KeysView.Made(pair, rule, session.Workspace, session.Terminal));
            return Task.FromResult(0);
        },
        "lap keys create", "lap keys create ci --builder https://ci.example.org/main --out ~/secrets");

    private static Command List() => Verb.Make(
        "list", "The keys of this workspace, and which trust rule each has.", [],
        session =>
        {
            Console.Out.Write(KeysView.List(new KeyRing(session.Workspace).List(), session.Terminal));
            return Task.FromResult(0);
        },
        "lap keys list", "lap keys list -o json");
}
