using Laptime.Workspaces.Compose;
using Laptime.Workspaces.Yaml;

namespace Laptime.Tests.Workspaces.Compose;

public sealed class DotEnvTests
{
    private static string? Outer(string name) => name is "OUT" ? "outer" : null;

    [Theory]
    [InlineData("A=1", "1")]
    [InlineData("A=", "")]
    [InlineData(" A = 1 ", "1")]
    [InlineData("export A=1", "1")]
    [InlineData("A=1 # said", "1")]
    [InlineData("A=1#2", "1#2")]
    [InlineData("A=# all", "")]
    [InlineData("A=a b c", "a b c")]
    [InlineData("A=a=b=c", "a=b=c")]
    [InlineData("A='one two'", "one two")]
    [InlineData("A='$OUT ${X} \\n'", "$OUT ${X} \\n")]
    [InlineData("A='it # is'", "it # is")]
    [InlineData("A=\"one\\ntwo\"", "one\ntwo")]
    [InlineData("A=\"tab\\tend\"", "tab\tend")]
    [InlineData("A=\"say \\\"hi\\\"\"", "say \"hi\"")]
    [InlineData("A=\"a\\\\b\"", "a\\b")]
    [InlineData("A=\"${OUT}!\"", "outer!")]
    [InlineData("A=\"\\$OUT\"", "$OUT")]
    [InlineData("A=$OUT", "outer")]
    [InlineData("A=${NONE:-d}", "d")]
    [InlineData("A=$$x", "$x")]
    [InlineData("B=2\nA=$B$B", "22")]
    [InlineData("A=1\nA=2", "2")]
    [InlineData("# c\n\n  # d\nA=1", "1")]
    [InlineData("A=1\r\nB=2\r\n", "1")]
    [InlineData("A='one\ntwo'", "one\ntwo")]
    [InlineData("A=\"one\ntwo\"", "one\ntwo")]
    [InlineData("A=http://h:1/p?q=1&r", "http://h:1/p?q=1&r")]
    [InlineData("A=é", "é")]
    public void Values_are_read_as_compose_reads_them(string text, string expected)
    {
        var problems = new ProblemList(".env");
        Assert.Equal(expected, DotEnv.Parse(text, problems, Outer)["A"]);
        Assert.False(problems.Any);
    }

    [Theory]
    [InlineData("A B=1", 1)]
    [InlineData("X=1\n=2", 2)]
    [InlineData("X=1\nA='open", 2)]
    [InlineData("A=${open", 1)]
    [InlineData("\n\nA=${N:?needed}", 3)]
    [InlineData("'A'=1", 1)]
    public void What_cannot_be_read_is_told_with_its_line(string text, int line)
    {
        var problems = new ProblemList(".env");
        DotEnv.Parse(text, problems, Outer);
        var told = Assert.Throws<Laptime.Foundations.LapException>(problems.ThrowIfAny).Problems.Single();
        Assert.StartsWith($".env:{line}:", told.Where);
    }

    [Theory]
    [InlineData("machine example.org login me password hunter2")]
    [InlineData("root:hunter2 :0:0")]
    [InlineData("=hunter2")]
    public void A_line_that_is_no_variable_is_not_quoted_because_it_may_be_a_secret(string text)
    {
        var problems = new ProblemList(".env");
        DotEnv.Parse(text, problems, Outer);
        Assert.DoesNotContain("hunter2", Assert.Throws<Laptime.Foundations.LapException>(problems.ThrowIfAny).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_alone_passes_a_variable_on_when_it_is_set() =>
        Assert.Equal(["OUT"], DotEnv.Parse("OUT\nNONE", new ProblemList(".env"), Outer).Keys);
}
