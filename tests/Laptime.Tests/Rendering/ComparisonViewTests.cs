using Laptime.Cli.Rendering;
using Laptime.Reports;
using Laptime.Tests.Measurement;

namespace Laptime.Tests.Rendering;

public sealed class ComparisonViewTests
{
    private static readonly Terminal Wide = new(ProgressMode.Plain, false, false, false, true, 100, 40);

    [Theory]
    [InlineData(100, true)]
    [InlineData(80, true)]
    [InlineData(80, false)]
    [InlineData(40, false)]
    public void It_fits_the_terminal_and_says_the_verdict_in_words(int width, bool unicode)
    {
        var text = ComparisonView.Render(ComparisonWordsTests.Compare(("build/compile", 0.4)), Wide with { Width = width, Unicode = unicode }, all: false);
        Assert.All(text.Split('\n'), line => Assert.True(TextWidth.Of(line) <= width, line));
        Assert.Contains("faster: the interval went", text.ReplaceLineEndings(" ").Replace("   ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.True(unicode || !text.Contains('●', StringComparison.Ordinal));
    }

    [Fact]
    public void The_table_is_as_people_read_it() => Golden.Equal("comparison.txt", ComparisonView.Render(ComparisonWordsTests.Compare(("build/compile", 0.4), ("build/lint", 2)), Wide, all: false));

    [Fact]
    public void Markdown_has_the_same_verdict_and_figures() => Golden.Equal("comparison.md", ComparisonMarkdown.Write(ComparisonWordsTests.Compare(("detect", 0.3))));
}
