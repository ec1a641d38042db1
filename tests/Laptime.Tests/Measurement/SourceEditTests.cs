using System.Text;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class SourceEditTests
{
    [Theory]
    [InlineData("src/Cart.cs", "class Cart;\n", "class Cart;\n// edited by lap baseline record: 7f3a9c12\n")]
    [InlineData("a.py", "x = 1", "x = 1\n# edited by lap baseline record: 7f3a9c12\n")]
    [InlineData("page.HTML", "<p>\r\n</p>\r\n", "<p>\r\n</p>\r\n<!-- edited by lap baseline record: 7f3a9c12 -->\r\n")]
    [InlineData("style.css", "a{}\n", "a{}\n/* edited by lap baseline record: 7f3a9c12 */\n")]
    [InlineData("db/1.sql", "", "-- edited by lap baseline record: 7f3a9c12\n")]
    [InlineData("Dockerfile", "FROM x\n", "FROM x\n# edited by lap baseline record: 7f3a9c12\n")]
    [InlineData("deploy/Dockerfile.web", "FROM x\n", "FROM x\n# edited by lap baseline record: 7f3a9c12\n")]
    public void The_edit_is_a_comment_of_the_files_own_kind_at_its_end(string path, string before, string after) =>
        Assert.Equal(after, Encoding.UTF8.GetString(SourceEdit.Apply(path, Encoding.UTF8.GetBytes(before), "7f3a9c12")));

    [Fact]
    public void Where_there_are_no_comments_the_edit_is_a_line_of_blanks_another_one_each_time()
    {
        var before = "{ \"a\": 1 }\n"u8;
        var (one, other) = (SourceEdit.Apply("a.json", before, "00000001"), SourceEdit.Apply("a.json", before, "00000002"));
        Assert.NotEqual(one, other);
        Assert.Equal("{ \"a\": 1 }", Encoding.UTF8.GetString(one).TrimEnd());
        Assert.Equal(1, System.Text.Json.JsonDocument.Parse(one).RootElement.GetProperty("a").GetInt32());
    }

    [Theory]
    [InlineData("photo.png", "\0\0")]
    [InlineData("strange.xyz", "text")]
    [InlineData("utf16.cs", "a\0b\0")]
    public void What_cannot_be_edited_harmlessly_is_refused_with_a_way_out(string path, string content) =>
        Assert.Contains("--edit-with", Assert.Throws<LapException>(() => SourceEdit.Apply(path, Encoding.UTF8.GetBytes(content), "7f3a9c12")).Message);
}
