using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Reports.GitHub;

namespace Laptime.Tests.Reports.GitHub;

/// <summary>Annotations as the runner reads them: its own rules are written down again in <see cref="ActionsRunner"/>.</summary>
public sealed class AnnotationTests
{
    private static readonly Surroundings Shop = new("/repo/shop", "/repo", path => !path.Contains("127"));

    [Fact]
    public void A_mistake_in_a_file_stands_at_its_line()
    {
        var annotation = Assert.Single(Annotation.Of("lap: usage-error", [new Problem("unknown key `prots`", "laptime.yaml:12:9", "did you mean `port`?")], Shop));
        Assert.Equal("::error file=shop/laptime.yaml,line=12,col=9,title=lap%3A usage-error::unknown key `prots`%0Amend: did you mean `port`?", annotation.ToString());
    }

    [Theory]
    [InlineData("/repo/shop/laptime.yaml:12:9", "shop/laptime.yaml", 12, 9)]
    [InlineData("web, step lint (laptime.yaml:3:7), in /x", "shop/laptime.yaml", 3, 7)]
    [InlineData("src/a b.cs:4", "shop/src/a b.cs", 4, null)]
    [InlineData("Program.cs:4", "shop/Program.cs", 4, null)]
    [InlineData("/elsewhere/laptime.yaml:2:1", "/elsewhere/laptime.yaml", 2, 1)]
    [InlineData("gateway, 127.0.0.1:8080", null, null, null)]
    [InlineData("gateway", null, null, null)]
    public void Where_a_place_names_a_file_and_a_line_the_annotation_has_them(string where, string? file, int? line, int? column)
    {
        var annotation = Assert.Single(Annotation.Of("t", [new Problem("what", where)], Shop));
        Assert.Equal((file, line, column), (annotation.File, annotation.Line, annotation.Column));
        Assert.Contains("what", annotation.Message);
    }

    [Fact]
    public void A_failed_transaction_is_an_error_and_its_warnings_are_warnings()
    {
        var all = Annotation.Of(Documents.NotReady(), Shop);
        Assert.Equal(["error", "warning"], all.Select(a => a.Level));
        Assert.StartsWith("::error title=lap deploy%3A readiness-timeout::", all[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("503 Service Unavailable", all[0].ToString(), StringComparison.Ordinal);
        Assert.Empty(Annotation.Of(Documents.Unchanged(), Shop));
    }

    [Fact]
    public void More_than_GitHub_shows_are_counted_in_the_last_one()
    {
        var all = Annotation.Of(Documents.Reflected() with { Warnings = [.. Enumerable.Range(1, 25).Select(i => $"warning {i}")] }, Shop);
        Assert.Equal(10, all.Count);
        Assert.Contains("and 16 more", all[^1].Message, StringComparison.Ordinal);
        Assert.Equal(10, Annotation.Of(Documents.Reflected() with { Warnings = [.. Enumerable.Range(1, 10).Select(i => $"warning {i}")] }, Shop).Count);
    }

    [Fact]
    public void The_runner_reads_back_exactly_what_was_meant_whatever_is_in_it() => Prop.ForAll(
        (from title in Nasty() from message in Nasty() from file in Nasty() select (title, message, file)).ToArbitrary(),
        text =>
        {
            var line = new Annotation("warning", text.title, text.message, text.file, 3, 4).ToString();
            var read = ActionsRunner.Read(line);
            return !line.Contains('\n') && !line.Contains('\r') && read is { } command && command.Name == "warning" && command.Data == Clean(text.message)
                && Same(command.Properties.GetValueOrDefault("title", ""), text.title) && Same(command.Properties.GetValueOrDefault("file", ""), text.file)
                && command.Properties.Keys.All(k => k is "title" or "file" or "line" or "col");
        }).QuickCheckThrowOnFailure();

    // The runner drops blanks at the end of the last property, and `=` at the beginning of any.
    private static bool Same(string read, string meant) => read.Trim() == Clean(meant).TrimStart('=').Trim();

    /// <summary>Control characters are left out, line ends are one kind.</summary>
    private static string Clean(string text) => Annotation.Data(text).Replace("%0A", "\n").Replace("%0D", "\r").Replace("%25", "%");

    private static Gen<string> Nasty() =>
        Gen.Elements("::", ":", ",", "=", "%", "%0A", "%25", "\n", "\r", "\r\n", "::set-output name=x::y", "##[error]", " ", "a", "ü", "\u001b[31m", "file=x").ListOf()
            .Select(string.Concat);
}
