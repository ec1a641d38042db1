using Laptime.Cli;
using Laptime.Cli.Commands;
using Laptime.Cli.FastPath;

namespace Laptime.Tests.FastPath;

/// <summary>Which command lines the fast path takes: only what it understands exactly as the full run does.</summary>
public sealed class NoOpRunTests
{
    [Theory]
    [InlineData("deploy", null, false, false, false)]
    [InlineData("deploy -o json", null, true, false, false)]
    [InlineData("deploy --output json", null, true, false, false)]
    [InlineData("deploy -o text", null, false, false, false)]
    [InlineData("deploy --env staging -q", "staging", false, true, false)]
    [InlineData("deploy --no-color --quiet --env a-b_c9", "a-b_c9", false, true, true)]
    public void The_plainest_command_lines_are_taken(string line, string? environment, bool json, bool quiet, bool plain)
    {
        Assert.True(NoOpRun.Parse(line.Split(' '), out var found, out var isJson, out var isQuiet, out var isPlain));
        Assert.Equal((environment, json, quiet, plain), (found, isJson, isQuiet, isPlain));
        var parsed = Program.Root().Parse(line.Split(' '));
        Assert.Empty(parsed.Errors);
        Assert.Equal(
            (environment, json, quiet, plain),
            (parsed.GetValue(Global.Environment), parsed.GetValue(Global.Output) == "json", parsed.GetValue(Global.Quiet), parsed.GetValue(Global.NoColor)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("plan")]
    [InlineData("Deploy")]
    [InlineData("-o json deploy")]
    [InlineData("deploy gateway")]
    [InlineData("deploy --force")]
    [InlineData("deploy --full")]
    [InlineData("deploy --recreate")]
    [InlineData("deploy --no-smoke")]
    [InlineData("deploy --profile release")]
    [InlineData("deploy --since start")]
    [InlineData("deploy -v")]
    [InlineData("deploy --help")]
    [InlineData("deploy -f laptime.yaml")]
    [InlineData("deploy -o")]
    [InlineData("deploy -o yaml")]
    [InlineData("deploy -o=json")]
    [InlineData("deploy -o json -o text")]
    [InlineData("deploy --env")]
    [InlineData("deploy --env a --env b")]
    [InlineData("deploy --env ../x")]
    [InlineData("deploy --env a/b")]
    [InlineData("deploy --env -q")]
    [InlineData("deploy --env ż")]
    [InlineData("deploy --env=a")]
    [InlineData("deploy -q true")]
    [InlineData("deploy --")]
    [InlineData("deploy @file")]
    [InlineData("deploy ")]
    public void Anything_unusual_is_for_the_full_run(string line) => Assert.False(NoOpRun.Parse(line.Length == 0 ? [] : line.Split(' '), out _, out _, out _, out _));
}
