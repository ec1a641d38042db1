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
    public ServiceRecord? Find(string component)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(component)), SwarmJson.Default.ServiceRecord);
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
