using System.CommandLine;
using System.Text.Json;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Gates;
using Laptime.Processes;
using Laptime.Reports;

namespace Laptime.Cli.Commands;

/// <summary>`lap gate`: a definition of done that nobody can tick off alone. Works in any git repository; a laptime.yaml is not needed.</summary>
internal static class GateCommands
{
    private static readonly Argument<string> Id = new("ID") { Description = "An item of gates.yaml", HelpName = "ID", CompletionSources = { static _ => Ids() } };
    private static readonly Option<string?> Key = Flag.Text("--key", "The private key that signs the record (default: the one in .laptime/keys, if there is one)", "FILE");
    private static readonly Option<string[]> More = Flag.Paths("--path", "A folder of programs that the checks need, beside the standard ones; may be given several times");
    private static readonly Option<string?> Reason = Flag.Text("--reason", "What is wrong, or why it is not any more", "TEXT");
    private static readonly Option<string?> Markdown = Flag.Text("--markdown", "Also write the page as Markdown; gates/README.md makes no tree unclean", "FILE");
    private static readonly Option<bool> Require = Flag.Switch("--require-pass", "Exit with 24 unless every item passes (for CI)");

    public static System.CommandLine.Command Group() => Verb.Group(
        "gate", "A definition of done (gates.yaml): claims with evidence, verified cold, from a fresh clone, by somebody else.", Claim(), Verify(), Veto(), Lift(), Status());

    private static System.CommandLine.Command Claim() => Verb.Make(
        "claim", "Claim that an item is done: run its check on the commit that is checked out, with nothing uncommitted, and record commit, environment, output and evidence.", [Id, Key],
        async session =>
        {
            var (book, item) = await OpenAsync(session);
            var claimed = await book.ClaimAsync(item, session.Shutdown.Token);
            Console.Out.Write(GateView.Claimed(claimed, book.Sheet, session.Terminal));
            return 0;
        },
        "lap gate claim unit-tests", "lap gate claim unit-tests -v          also what the check prints", "lap gate claim release --key .laptime/keys/ann.key -o json");

    private static System.CommandLine.Command Verify() => Verb.Make(
        "verify",
        "Repeat what somebody else claimed: a fresh clone of the claimed commit in an empty folder, with a clean environment. PASS, or FAIL (24) with the first fact that differs. Your own claim is refused.",
        [Id, Key, More],
        async session =>
        {
            var (book, item) = await OpenAsync(session);
            var more = session.Arguments.GetValue(More)!.Select(p => Path.GetFullPath(p, Session.Here())).ToList();
            if (more.Find(p => !Directory.Exists(p)) is { } none)
            {
                throw new LapException("there is no such folder", $"--path {none}", "name a folder that programs lie in");
            }

            var verified = await book.VerifyAsync(item, more, session.Shutdown.Token);
            Console.Out.Write(GateView.Verified(verified, book.Sheet, session.Terminal));
            return verified.Passed ? 0 : Outcome.GateFailed.ExitCode;
        },
        "lap gate verify unit-tests", "lap gate verify unit-tests --path ~/.dotnet     the checks need programs that are not in the system's folders");

    private static System.CommandLine.Command Veto() => WithReason(
        "veto", "Stand against an item. It does not pass until its author withdraws the veto, or somebody who did not claim the item lifts it: lap gate lift.",
        async (book, item, reason, session) => GateView.Vetoed(item, await book.VetoAsync(item, reason, session.Shutdown.Token), book.Sheet, session.Terminal),
        "lap gate veto release --reason 'the restore test reads its own backup'");

    private static System.CommandLine.Command Lift() => WithReason(
        "lift", "Withdraw your veto, or lift that of another against an item that you did not claim.",
        async (book, item, reason, session) => GateView.Lifted(item, await book.LiftAsync(item, reason, session.Shutdown.Token), book.Sheet, session.Terminal),
        "lap gate lift release --reason 'restored from a copy since 1a2b3c4'");

    private static System.CommandLine.Command WithReason(string name, string what, Func<GateBook, GateItem, string, Session, Task<string>> act, string example) => Verb.Make(
        name, what, [Id, Reason, Key],
        async session =>
        {
            var reason = Reasoned(session);
            var (book, item) = await OpenAsync(session);
            Console.Out.Write(await act(book, item, reason, session));
            return 0;
        },
        example);

    private static System.CommandLine.Command Status() => Verb.Make(
        "status", "How every item stands at the commit that is checked out, and from which records that follows. Runs nothing.", [Markdown, Require],
        async session =>
        {
            var book = await GateBook.OpenAsync(Sheet(session), Parts(session), session.Shutdown.Token);
            var board = await book.ReadAsync(session.Shutdown.Token);
            if (session.Arguments.GetValue(Markdown) is { Length: > 0 } file)
            {
                PageFile.Write(PageFile.Prepare(file, Session.Here()), () => GateMarkdown.Render(board));
            }

            var outcome = session.Arguments.GetValue(Require) && !board.IsDone ? Outcome.GateFailed : Outcome.Ok;
            Console.Out.Write(GateView.Status(board, outcome, session.Clock.GetUtcNow(), session.Terminal));
            return outcome.ExitCode;
        },
        "lap gate status", "lap gate status -o json", "lap gate status --markdown gates/README.md", "lap gate status --require-pass       for CI: 24 unless every item passes");

    private static async Task<(GateBook Book, GateItem Item)> OpenAsync(Session session)
    {
        var sheet = Sheet(session);
        // A name that is none is told before anything is opened.
        var id = session.Arguments.GetValue(Id)!;
        var item = sheet.Find(id) ?? throw new LapException($"gates.yaml has no item {id}", sheet.File, NearestName.Suggest(id, [.. sheet.Items.Select(i => i.Id)]));
        return (await GateBook.OpenAsync(sheet, Parts(session), session.Shutdown.Token), item);
    }

    /// <summary>The gates.yaml that -f names, the one beside the laptime.yaml that it names, or the nearest here or above.</summary>
    private static GateSheet Sheet(Session session)
    {
        var here = Session.Here();
        if (session.Arguments.GetValue(Global.File) is { Length: > 0 } given)
        {
            var file = Path.GetFullPath(given, here);
            return GateFile.Load(Path.GetFileName(file) is "laptime.yaml" or "laptime.yml" ? Path.Combine(Path.GetDirectoryName(file)!, GateFile.FileName) : Directory.Exists(file) ? Path.Combine(file, GateFile.FileName) : file);
        }

        return GateFile.Find(here) is { } found ? GateFile.Load(found) : throw new LapException("there is no gates.yaml here or in a folder above", here, GateFile.First);
    }

    private static GateParts Parts(Session session) => new(session.Runner, session.Clock, Session.Version)
    {
        // Where there is a workspace there is an audit log; a repository of gates alone has its records.
        Audit = Workspaces.WorkspaceFile.Find(Session.Here()) is null ? null : new Safety(session).AppendAsync,
        KeyFile = session.Arguments.CommandResult.Command.Options.Contains(Key) && session.Arguments.GetValue(Key) is { Length: > 0 } file ? Path.GetFullPath(file, Session.Here()) : null,
        Say = session.Quiet || session.Terminal.Progress == ProgressMode.Quiet ? null : static line => Console.Error.WriteLine("lap: " + line),
        OnLine = session.Verbose ? static line => Console.Error.WriteLine("  | " + TextWidth.Clean(line.Text)) : null,
    };

    private static string Reasoned(Session session) => session.Arguments.GetValue(Reason) is { } reason && reason.Trim().Length > 0
        ? reason
        : throw new LapException("a veto, and its end, have a reason", "--reason", $"lap gate {session.Arguments.CommandResult.Command.Name} {session.Arguments.GetValue(Id)} --reason \"what is wrong\"");

    /// <summary>For completion: the items of the gates.yaml around the current folder; none when it does not load.</summary>
    private static IEnumerable<string> Ids()
    {
        try
        {
            return GateFile.Find(Directory.GetCurrentDirectory()) is { } file ? [.. GateFile.Load(file).Items.Select(i => i.Id)] : [];
        }
        catch (Exception e) when (e is LapException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
