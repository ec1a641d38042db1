using Laptime.Foundations;

namespace Laptime.Tests.Foundations;

/// <summary>What lap knows of a workspace is its user's alone, however the folder came to be.</summary>
public sealed class WorkspaceFolderTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly TemporaryFolder root = new();

    public void Dispose() => root.Dispose();

    [Fact]
    public void It_is_made_for_the_user_alone_and_git_ignores_it()
    {
        var folder = new WorkspaceFolder(root);
        Assert.Equal(folder.Reports, folder.Create(folder.Reports));
        Assert.Equal("*\n", File.ReadAllText(root.At(".laptime", ".gitignore")));
        Assert.True(Directory.Exists(folder.Reports));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(folder.Path) == Private);
    }

    [Theory]
    [InlineData(0b111_111_111)]
    [InlineData(0b111_101_101)]
    [InlineData(0b111_000_001)]
    public void One_that_was_open_to_others_is_closed_to_them(int mode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no Unix modes");
        var folder = new WorkspaceFolder(root);
        Directory.CreateDirectory(folder.Path);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder.Path, (UnixFileMode)mode);
            folder.Create();
            Assert.Equal(Private, File.GetUnixFileMode(folder.Path));
            Assert.Equal("*\n", File.ReadAllText(root.At(".laptime", ".gitignore")));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_is_refused_and_nothing_is_written_where_it_leads(bool leadsSomewhere)
    {
        var elsewhere = root.At("elsewhere");
        if (leadsSomewhere)
        {
            Directory.CreateDirectory(elsewhere);
        }

        Directory.CreateSymbolicLink(root.At(".laptime"), "elsewhere");
        var told = Assert.Throws<LapException>(() => new WorkspaceFolder(root).Create(root.At(".laptime", "reports")));
        Assert.Contains("is a link", told.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.Exists(elsewhere) ? Directory.EnumerateFileSystemEntries(elsewhere) : []);
    }
}
