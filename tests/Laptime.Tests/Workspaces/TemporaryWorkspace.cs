using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>A folder for one test, with a laptime.yaml and whatever else it names; removed at the end.</summary>
public sealed class TemporaryWorkspace : IDisposable
{
    public TemporaryWorkspace(params string[] entries)
    {
        Root = Directory.CreateTempSubdirectory("laptime-ws-").FullName;
        foreach (var entry in entries)
        {
            Add(entry);
        }
    }

    public string Root { get; }

    public string File => Path.Combine(Root, "laptime.yaml");

    /// <summary>A folder when the name ends with '/', else a file.</summary>
    public string Add(string name, string content = "")
    {
        var full = Path.Combine(Root, name);
        if (name.EndsWith('/'))
        {
            Directory.CreateDirectory(full);
            return full;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        System.IO.File.WriteAllText(full, content);
        return full;
    }

    public Workspace Load(string yaml, Func<string, string?>? environment = null)
    {
        Add("laptime.yaml", yaml);
        return WorkspaceFile.Load(File, environment ?? (static _ => null));
    }

    public IReadOnlyList<Problem> Problems(string yaml) => Assert.Throws<LapException>(() => Load(yaml)).Problems;

    /// <summary>"line:column" of a problem.</summary>
    public string Place(Problem problem) => problem.Where!.Replace(File + ":", "");

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
