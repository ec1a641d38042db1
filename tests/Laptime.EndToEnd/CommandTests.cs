using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Laptime.EndToEnd.Harness;
using Laptime.Foundations;

namespace Laptime.EndToEnd;

/// <summary>The other commands, each as people and scripts use it.</summary>
public sealed partial class CommandTests
{
    private static readonly string[] Commands =
    [
        "init", "plan", "deploy", "status", "why", "logs", "down", "rollback", "history", "report", "lock", "lock status", "lock release", "agent", "agent start", "agent stop",
        "agent status", "keys", "keys create", "keys list", "validate", "schema", "completion", "version", "help", "demo",
    ];

    [Fact]
    public async Task Status_logs_and_down_speak_of_what_runs()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var none = await workspace.JsonAsync(0, "status");
        Assert.Equal("laptime/status/v1", (string?)none["schema"]);
        Assert.Null(none.Component("web")["observed"]);

        var revision = (await workspace.DeployAsync()).Component("web").Text("revision");
        var web = (await workspace.JsonAsync(0, "status")).Component("web");
        var observed = web["observed"]!.AsObject();
        Assert.Equal(revision, (string?)observed["revision"]);
        Assert.Equal((1, 1, true), ((int)observed["instances"]!, (int)observed["of"]!, (bool)observed["serving"]!));
        Assert.Equal($"http://127.0.0.1:{port}", (string?)web["endpoint"]);
        Assert.Null(web["drift"]);
        Assert.Equal("pass", (string?)web["signals"]!["live"]!["status"]);
        Assert.Equal("pass", (string?)web["signals"]!["reflected"]!["status"]);
        Assert.Contains(revision, (await workspace.LapAsync("status")).Exits(0).Out, StringComparison.Ordinal);

        Assert.Contains($"listening as {revision}", (await workspace.LapAsync("logs", "web")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("did you mean", (await workspace.LapAsync("logs", "wbe")).Exits(2).Error, StringComparison.Ordinal);

        (await workspace.LapAsync("down")).Exits(0);
        Assert.Null((await workspace.JsonAsync(0, "status")).Component("web")["observed"]);
        await Assert.ThrowsAsync<HttpRequestException>(() => workspace.GetAsync(port));
        (await workspace.LapAsync("down")).Exits(0);
        var again = (await workspace.DeployAsync()).Valid();
        Assert.Equal((0, 1), (again.Count("built"), again.Count("rollouts")));
    }

    [Fact]
    public async Task Rollback_goes_one_back_or_to_a_transaction_by_digest_without_a_build()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        Assert.Contains("nothing to roll back to", (await workspace.LapAsync("rollback")).Exits(2).Error, StringComparison.Ordinal);
        var ids = new List<string>();
        foreach (var text in (string[])["one", "two", "three"])
        {
            workspace.Write("src/web/text.txt", text);
            ids.Add((await workspace.DeployAsync()).Text("id"));
        }

        var back = (await workspace.JsonAsync(0, "rollback")).Valid();
        Assert.Equal(("rolled-back", 0, 1), (back.Outcome(), back.Count("built"), back.Count("rollouts")));
        Assert.Equal((200, "two"), await workspace.GetAsync(port));
        (await workspace.JsonAsync(0, "rollback", "--to", ids[0])).Valid();
        Assert.Equal((200, "one"), await workspace.GetAsync(port));
        (await workspace.JsonAsync(0, "rollback", "web", "--to", ids[2])).Valid();
        Assert.Equal((200, "three"), await workspace.GetAsync(port));
        Assert.Contains("no transaction id", (await workspace.LapAsync("rollback", "--to", "yesterday")).Exits(2).Error, StringComparison.Ordinal);

        // The sources still say three: nothing to do.
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_rollback_finds_every_transaction_also_when_two_deployed_the_same()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var ids = new List<string>();
        foreach (var text in (string[])["one", "two", "one"])
        {
            workspace.Write("src/web/text.txt", text);
            ids.Add((await workspace.DeployAsync()).Text("id"));
        }

        await workspace.JsonAsync(0, "rollback", "--to", ids[1]);
        Assert.Equal((200, "two"), await workspace.GetAsync(port));
        await workspace.JsonAsync(0, "rollback", "--to", ids[0]);
        Assert.Equal((200, "one"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task A_rollback_that_fails_is_rollback_failed_and_the_present_serves_on()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var sick = Path.Combine(workspace.Beside, "sick");
        workspace.Write("src/web/server.py", LittleServer.Script(start: $"if os.path.exists('{sick}'): sys.exit(4)"));
        await workspace.DeployAsync();
        workspace.Write("src/web/text.txt", "second");
        await workspace.DeployAsync();
        File.WriteAllText(sick, "");
        var document = (await workspace.JsonAsync(22, "rollback")).Valid();
        Assert.Equal("rollback-failed", document.Outcome());
        Assert.Equal((200, "second"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task History_and_report_have_every_transaction_the_newest_first()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        Assert.Empty((await workspace.JsonAsync(0, "history"))["items"]!.AsArray());
        Assert.Contains("nothing was deployed", (await workspace.LapAsync("report")).Exits(2).Error, StringComparison.Ordinal);
        var ids = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            ids.Add((await workspace.DeployAsync()).Text("id"));
        }

        var history = await workspace.JsonAsync(0, "history");
        Assert.Equal("laptime/history/v1", (string?)history["schema"]);
        Assert.Equal(Enumerable.Reverse(ids), history["items"]!.AsArray().Select(i => (string)i!["id"]!));
        Assert.Equal(ids[2], (string?)Assert.Single((await workspace.JsonAsync(0, "history", "-n", "1"))["items"]!.AsArray())!["id"]);
        Assert.Equal(ids[2], (await workspace.JsonAsync(0, "report")).Text("id"));
        Assert.Equal(ids[0], (await workspace.JsonAsync(0, "report", ids[0])).Text("id"));
        Assert.Contains(ids[1], (await workspace.LapAsync("report", ids[1])).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains(ids[0], (await workspace.LapAsync("history")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("tx-1999", (await workspace.LapAsync("report", "tx-1999")).Exits(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_and_schema_agree_with_each_other()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var valid = await workspace.JsonAsync(0, "validate");
        Assert.Equal(("ok", "little"), ((string?)valid["outcome"], (string?)valid["workspace"]));
        var schema = JsonNode.Parse((await workspace.LapAsync("schema")).Exits(0).Out)!;
        Assert.NotNull(schema["$defs"]!["workspace"]!["properties"]!["components"]);
        workspace.Edit("laptime.yaml", "  web:\n", "  web:\n    pathh: x\n");
        var refused = (await workspace.LapAsync("validate")).Exits(2);
        Assert.Matches(@"laptime\.yaml:5:5: .*pathh[\s\S]*path", refused.Error);
    }

    [Fact]
    public async Task Init_in_a_folder_with_a_python_app_writes_a_file_that_is_valid()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        workspace.Write("pyproject.toml", "[project]\nname = \"hello\"\nversion = \"1.0\"\n");
        workspace.Write("app.py", "import http.server\n");
        var dry = (await workspace.LapAsync("init", "--dry-run")).Exits(0);
        Assert.False(File.Exists(workspace.At("laptime.yaml")));
        var written = (await workspace.LapAsync("init")).Exits(0);
        Assert.Contains("laptime.yaml", written.Out, StringComparison.Ordinal);
        Assert.Equal(["app.py", "laptime.yaml", "pyproject.toml"], Directory.EnumerateFileSystemEntries(workspace.Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(dry.Out.TrimEnd(), workspace.Read("laptime.yaml").TrimEnd());
        Assert.Contains("#", workspace.Read("laptime.yaml"), StringComparison.Ordinal);
        (await workspace.LapAsync("validate")).Exits(0);
        (await workspace.LapAsync("plan")).Exits(0);
        (await workspace.LapAsync("init")).Exits(2);
    }

    [Fact]
    public async Task The_bash_completion_completes_commands_and_flags_when_sourced()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "bash is not here");
        await using var workspace = await LapWorkspace.EmptyAsync();
        await File.WriteAllTextAsync(workspace.At("complete.sh"), (await workspace.LapAsync("completion", "bash")).Exits(0).Out + """

            try() { COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lap; echo "${COMPREPLY[@]}"; }
            try lap dep
            try lap deploy --for
            complete -p lap
            """, workspace.Cancel);
        workspace.Environment["PATH"] = $"{Path.GetDirectoryName(Lap.Program)}:{workspace.Environment["PATH"]}";
        var lines = (await workspace.RunAsync("/bin/bash", "complete.sh")).Split('\n');
        Assert.Equal("deploy", lines[0].Trim());
        Assert.Equal("--force", lines[1].Trim());
        Assert.Contains("_lap", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_on_exit_codes_has_the_table_of_the_contract()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        var printed = (await workspace.LapAsync("help", "exit-codes")).Exits(0).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(f => (Code: int.Parse(f[0], CultureInfo.InvariantCulture), Name: f[1])).ToList();
        (int, string)[] contract =
        [
            (0, "ok"), (0, "reflected"), (0, "unchanged"), (1, "internal-error"), (2, "usage-error"), (10, "build-failed"), (11, "rollout-failed"), (12, "readiness-timeout"), (13, "not-live"),
            (14, "smoke-failed"), (15, "not-reflected"), (16, "regression"), (17, "inconclusive"), (18, "budget-exceeded"), (19, "ledger-conflict"), (20, "locked"), (21, "guardrail-refused"),
            (22, "rollback-failed"), (23, "tier-failed"), (24, "gate-failed"), (25, "never-listened"), (26, "flapping"), (130, "interrupted"), (143, "interrupted"),
        ];
        Assert.Empty(contract.Except(printed));
        Assert.Contains(printed, p => p.Code == 3);
        Assert.All(printed.Where(p => p.Code is not 0 and not 3), p => Assert.Contains(p, contract));
        Assert.Equal(Outcome.All.Count, printed.Count);
    }

    [Fact]
    public async Task Help_of_every_command_works_in_an_empty_folder_and_makes_nothing()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        foreach (var command in Commands)
        {
            var help = (await workspace.LapAsync([.. command.Split(' '), "--help"])).Exits(0);
            Assert.Contains("Usage:", help.Out, StringComparison.Ordinal);
            Assert.Empty(help.Error);
        }

        var all = (await workspace.LapAsync("--help")).Exits(0).Out;
        Assert.All(Commands.Where(c => !c.Contains(' ', StringComparison.Ordinal)), c => Assert.Matches($@"(?m)^  {c}\b", all));
        Assert.All((string[])["watch", "ui"], c => Assert.DoesNotMatch($@"(?m)^  {c}\b", all));
        (await workspace.LapAsync("version")).Exits(0);
        Assert.Equal("laptime/version/v1", (string?)(await workspace.JsonAsync(0, "version"))["schema"]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(workspace.Root));
    }

    [Fact]
    public async Task An_unknown_command_or_flag_is_a_usage_error_with_the_nearest_name()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        Assert.Contains("deploy", (await workspace.LapAsync("deplyo")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("--force", (await workspace.LapAsync("deploy", "--forse")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("json", (await workspace.LapAsync("version", "-o", "jsn")).Exits(2).Error, StringComparison.Ordinal);
        var json = (await workspace.LapAsync("deploy", "--forse", "-o", "json")).Exits(2).Json;
        Assert.Equal(("usage-error", 2), ((string?)json["outcome"], (int)json["exitCode"]!));
    }

    [Fact]
    public async Task Without_a_workspace_the_failure_is_a_document_too()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        foreach (var command in (string[])["deploy", "plan", "status", "history", "report", "validate", "down", "rollback"])
        {
            var failure = (await workspace.LapAsync(command, "-o", "json")).Exits(2).Json;
            Assert.Equal(("usage-error", 2), ((string?)failure["outcome"], (int)failure["exitCode"]!));
            Assert.Contains("laptime.yaml", (string?)failure["failure"]!["message"], StringComparison.Ordinal);
            Assert.Contains("lap init", (string?)failure["failure"]!["mend"], StringComparison.Ordinal);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(workspace.Root));
    }

    [Fact]
    public async Task Every_flag_has_its_twin_in_the_environment_and_the_command_line_wins()
    {
        var (workspace, _) = await LapWorkspace.OneAsync(rest: "environments:\n  local: { target: process, loop: fast }\n  other: { target: process, loop: fast }");
        await using var end = workspace;
        workspace.Environment["LAP_ENV"] = "other";
        workspace.Environment["LAP_OUTPUT"] = "json";
        Assert.Equal("other", (string?)(await workspace.LapAsync("plan")).Exits(0).Json["environment"]);
        Assert.Equal("local", (string?)(await workspace.LapAsync("plan", "--env", "local")).Exits(0).Json["environment"]);
        Assert.DoesNotContain("{", (await workspace.LapAsync("plan", "-o", "text")).Exits(0).Out, StringComparison.Ordinal);
        workspace.Environment["LAP_DETAILED_EXITCODE"] = "1";
        (await workspace.LapAsync("plan")).Exits(3);
        workspace.Environment["LAP_OUTPUT"] = "jason";
        var bad = (await workspace.LapAsync("plan")).Exits(2);
        Assert.Contains("LAP_OUTPUT", bad.Error, StringComparison.Ordinal);
        Assert.Contains("json", bad.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_go_to_stdout_progress_to_stderr_and_nothing_is_coloured_in_a_pipe()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        var run = (await workspace.LapAsync("deploy")).Exits(0);
        Assert.Contains("reflected", run.Out, StringComparison.Ordinal);
        Assert.Contains("build/copy", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", run.Out + run.Error, StringComparison.Ordinal);
        workspace.Write("src/web/text.txt", "second");
        var quiet = (await workspace.LapAsync("deploy", "-q")).Exits(0);
        Assert.Equal(("", ""), (quiet.Out, quiet.Error));
        workspace.Write("src/web/text.txt", "third");
        var streamed = (await workspace.LapAsync("deploy", "--progress", "json")).Exits(0);
        Assert.All(streamed.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => Assert.NotNull(JsonNode.Parse(l)));
        workspace.Environment["FORCE_COLOR"] = "1";
        Assert.Contains("\u001b", (await workspace.LapAsync("report")).Exits(0).Out, StringComparison.Ordinal);
        workspace.Environment["NO_COLOR"] = "1";
        Assert.DoesNotMatch(Colour(), (await workspace.LapAsync("report")).Exits(0).Out);
    }

    [Fact]
    public async Task Another_file_and_a_folder_below_are_found()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        using var below = LapProcess.Start(Lap.Program, ["validate"], workspace.At("src/web"), workspace.Environment);
        (await below.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0);
        using var given = LapProcess.Start(Lap.Program, ["validate", "-f", workspace.At("laptime.yaml")], "/", workspace.Environment);
        (await given.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(0);
        Assert.Contains("nowhere.yaml", (await workspace.LapAsync("validate", "-f", "nowhere.yaml")).Exits(2).Error, StringComparison.Ordinal);
    }

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Colour();
}
