using System.Text;
using Laptime.Fingerprints;
using Laptime.Gates;

namespace Laptime.Tests.Gates;

/// <summary>Names of records, first differences, and whom a failure accuses.</summary>
public sealed class GateFactsTests
{
    private static readonly RecordNames Names = new("sub/gates");

    [Theory]
    [InlineData("sub/gates/tests/20261121T224635Z-claim-0123456789abcdef01234567.json", true)]
    [InlineData("sub/gates/tests/20261121T224635Z-pass-0123456789abcdef01234567.json.sig", true)]
    [InlineData("sub/gates/README.md", true)]
    [InlineData("sub/gates/tests/helper.sh", false)]
    [InlineData("sub/gates/tests/20261121T224635Z-claim-0123456789abcdef01234567.json/x", false)]
    [InlineData("sub/gates/evidence/helper.sh", false)]
    [InlineData("gates/tests/20261121T224635Z-claim-0123456789abcdef01234567.json", false)]
    [InlineData("sub/gates/tests/20261121T224635Z-build-0123456789abcdef01234567.json", false)]
    public void Only_records_are_exempt(string path, bool isOne) => Assert.Equal(isOne, Names.IsOne(path));

    [Fact]
    public void A_record_is_named_by_its_content_and_reads_as_it_was_written()
    {
        var record = new GateRecord { Kind = "veto", Item = "tests", At = DateTimeOffset.UnixEpoch, By = new("Ann", "a@example.org"), After = ["sha256:x"], Reason = "no" };
        var bytes = record.ToBytes();
        Assert.True(Names.IsOne("sub/gates/" + RecordNames.Of(record, Digest.Of(bytes))));
        Assert.Equal(bytes, GateRecord.Parse(bytes).ToBytes());
        Assert.EndsWith("}\n", Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
        Assert.Throws<System.Text.Json.JsonException>(() => GateRecord.Parse(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace("\"reason\"", "\"raeson\""))));
    }

    [Theory]
    [InlineData("cat: local/answer.txt: No such file", "local/answer.txt", true)]
    [InlineData("./check.sh: 3: ./helper.sh: not found", "helper.sh", true)]
    [InlineData("sourced helper.sh.", "helper.sh", true)]
    [InlineData("my-helper.sh", "helper.sh", false)]
    [InlineData("helper.shx", "helper.sh", false)]
    [InlineData("helper.sh.bak", "helper.sh", false)]
    public void A_name_is_found_whole_only(string text, string name, bool found) => Assert.Equal(found, GateSuspects.Names(text, name));

    private static GateRecord Claim(params string[] beside) => new()
    {
        Kind = "claim", Item = "tests", At = default, By = new("Ann", "a@example.org"), After = [], Beside = beside,
        Environment = new GateEnvironment("", "", "", "", new Dictionary<string, string>(), ["DATABASE_URL"]),
    };

    private static Task<IReadOnlyList<GateSuspect>> FindAsync(GateRecord claim, string said, string check, Func<string, bool>? output = null, params (string Name, string File)[] mentions) =>
        GateSuspects.FindAsync(claim, ["DATABASE_URL"], said, check, "", output ?? (_ => false), n => Task.FromResult<IReadOnlyList<string>>([.. mentions.Where(m => m.Name == n).Select(m => m.File)]));

    [Fact]
    public async Task The_file_that_the_output_names_is_accused_and_no_other()
    {
        Assert.Equal([new GateSuspect("local/answer.txt", "what failed names it")], await FindAsync(Claim("local/answer.txt", "node_modules/x.js"), "cat: local/answer.txt: No such file", "./check.sh"));
        Assert.Equal([new GateSuspect("tools/run", "the check names it")], await FindAsync(Claim("tools/run"), "not found", "tools/run --all"));
        Assert.Equal([new GateSuspect("opt/helper", "what failed names a file of this name")], await FindAsync(Claim("opt/helper"), "sh: helper: not found", "./check.sh"));
    }

    [Fact]
    public async Task Without_any_name_in_the_output_the_tracked_files_are_asked() =>
        Assert.Equal([new GateSuspect("flag", "check.sh names it")], await FindAsync(Claim("other", "flag"), "failed", "./check.sh", null, ("flag", "check.sh")));

    [Fact]
    public async Task What_the_check_writes_itself_is_not_accused_and_a_variable_is()
    {
        Assert.Empty(await FindAsync(Claim("out/report.txt"), "cannot write out/report.txt", "./check.sh", p => p.StartsWith("out/", StringComparison.Ordinal)));
        Assert.Equal([new GateSuspect("$DATABASE_URL", "it was set in the claimer's environment")], await FindAsync(Claim(), "DATABASE_URL: parameter not set", "./check.sh"));
    }

    [Fact]
    public void The_first_difference_is_a_sentence()
    {
        GateRun Run(int code, string output, params string[] tail) => new("tests", "./test", code, false, $"exit code {code}", 1, output, tail);
        Assert.Null(GateDifference.OfRun(Run(0, "a")));
        Assert.Equal("`./test` (tests): exit code 3; in the claim it ended with exit code 0", GateDifference.OfRun(Run(3, "a")));
        Assert.Null(GateDifference.OfOutput(Run(0, "a"), Run(0, "a")));
        Assert.Equal("`./test` (tests) prints something else: `5 passed` here, `6 passed` in the claim", GateDifference.OfOutput(Run(0, "a", "run", "6 passed"), Run(0, "b", "run", "5 passed")));

        GateEvidence File(string path, string content) => new(path, Digest.Of(content).ToString(), content.Length, "kept");
        Assert.Null(GateDifference.OfEvidence([File("r", "a")], [File("r", "a")], _ => null, _ => null));
        Assert.Equal("r is not there: the check did not leave it", GateDifference.OfEvidence([File("r", "a")], [], _ => null, _ => null));
        Assert.Equal("s is there, and was not in the claim", GateDifference.OfEvidence([File("r", "a")], [File("r", "a"), File("s", "a")], _ => null, _ => null));
        Assert.EndsWith(": `b` here, `a` in the claim", GateDifference.OfEvidence([File("r", "a")], [File("r", "b")], _ => "x\nb"u8.ToArray(), _ => "x\na"u8.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_may_be_secret_are_known_by_their_names() =>
        Assert.Equal(["hunter2hunter2"], GateChecks.SecretsOf(new Dictionary<string, string> { ["GITHUB_TOKEN"] = "hunter2hunter2", ["LANG"] = "C.UTF-8", ["PIN_SECRET"] = "123" }));
}
