using System.Collections.Concurrent;
using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Building;
using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Contracts.Images;

/// <summary>A workspace with one image component <c>web</c>, built by the real tools into a real store.</summary>
internal sealed class ImageBench : IDisposable
{
    public ImageBench()
    {
        Root = Directory.CreateTempSubdirectory("lap-image-").FullName;
        Store = new OciLayoutStore(Path.Combine(Root, "store"), TimeProvider.System);
    }

    public string Root { get; }

    public OciLayoutStore Store { get; }

    public List<Segment> Segments { get; } = [];

    /// <summary>What the tools printed, from their own threads.</summary>
    public ConcurrentQueue<string> Lines { get; } = [];

    public Dictionary<string, string> Values { get; } = [];

    public string At(params string[] parts) => Path.Combine([Root, .. parts]);

    public void File(string path, string content, bool executable = false)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        System.IO.File.WriteAllText(At(path), content);
        if (executable)
        {
            System.IO.File.SetUnixFileMode(At(path), (UnixFileMode)0b111_101_101);
        }
    }

    public async Task<(BuildResult Result, Digest Image)> BuildAsync(string build, CancellationToken cancel)
    {
        File("laptime.yaml", $"name: shop\ncomponents:\n  web:\n    path: src\n    build: {build}\n");
        var workspace = WorkspaceFile.Load(At("laptime.yaml"), static _ => null);
        var component = workspace.Find("web")!;
        var scan = Fingerprinter.Scan(workspace, new ScanOptions { IndexPath = At("index") }, cancel);
        var fingerprint = Fingerprinter.Compute(scan, new FingerprintInputs { Component = "web", Settings = Laptime.Planning.ImageInputs.Of(component, n => Values.GetValueOrDefault(n)) });
        Segments.Clear();
        var runner = new ProcessRunner(TimeProvider.System);
        var result = await new Builder(runner, TimeProvider.System).BuildAsync(
            new BuildRequest
            {
                Root = Root, Component = component, Loop = Loop.Fast, Values = n => Values.GetValueOrDefault(n), Fingerprint = fingerprint, LogFolder = At("logs"),
            },
            new Timeline(TimeProvider.System, Segments.Add), null, l => Lines.Enqueue(l.Line.Text), cancel);
        var image = await new ImageStore(Store, Root, At(".laptime", "images"), runner, TimeProvider.System).StoreAsync(result.Image!, fingerprint.Value, cancel);
        Assert.Equal(image, await Store.FindAsync(fingerprint.Value, cancel));
        Assert.True(result.Image is not BuiltImage.Archive archive || !Path.Exists(archive.Path), "what the tool wrote is gone when it is stored");
        return (result, image);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
