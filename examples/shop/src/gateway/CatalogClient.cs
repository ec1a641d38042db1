using System.Net.Http.Json;
using Shop.Contracts;

namespace Shop.Gateway;

/// <summary>Asks the catalog service.</summary>
internal sealed class CatalogClient(string url) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(5) };

    public async Task<Product[]> ProductsAsync(CancellationToken cancel) =>
        await http.GetFromJsonAsync("/products", GatewayJson.Default.ProductArray, cancel) ?? [];

    public void Dispose() => http.Dispose();
}
