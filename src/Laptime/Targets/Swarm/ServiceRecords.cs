using System.Collections.Concurrent;
using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Targets.Swarm;

/// <summary>
/// The spec of every service as it was seen serving, a file each below the environment's folder. The engine remembers one spec before the present one, and forgets it at the first update
/// that changes nothing; these stay.
/// </summary>
/// <param name="folder">Absolute.</param>
internal sealed class ServiceRecords(string folder)
{
    private readonly ConcurrentDictionary<string, (DateTime Written, long Length, ServiceRecord? Record)> read = new(StringComparer.Ordinal);

    /// <summary>Read once as long as its file is not written again: an agent asks at every look.</summary>
    public ServiceRecord? Find(string component)
    {
        try
        {
            var file = new FileInfo(PathOf(component));
            var (written, length) = (file.LastWriteTimeUtc, file.Exists ? file.Length : -1);
            if (read.TryGetValue(component, out var known) && (known.Written, known.Length) == (written, length))
            {
                return known.Record;
            }

            var record = JsonSerializer.Deserialize(File.ReadAllBytes(file.FullName), SwarmJson.Default.ServiceRecord);
            read[component] = (written, length, record);
            return record;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            // Without it nothing is known to have changed.
            return null;
        }
    }

    public void Save(string component, ServiceRecord record)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(PathOf(component), JsonSerializer.Serialize(record, SwarmJson.Default.ServiceRecord));
    }

    public void Remove(string component)
    {
        try
        {
            File.Delete(PathOf(component));
        }
        catch (DirectoryNotFoundException)
        {
        }
    }

    private string PathOf(string component) => Path.Combine(folder, component + ".service.json");
}
