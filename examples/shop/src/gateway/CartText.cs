using Shop.Contracts;

namespace Shop.Gateway;

/// <summary>The cart as users see it: what the database holds, with the names and prices of the catalog.</summary>
internal static class CartText
{
    public static Cart Of(IReadOnlyList<CartLine> lines, Product[] products)
    {
        List<CartItem> items =
        [
            .. from line in lines
               join product in products on line.ProductId equals product.Id
               select new CartItem(product.Id, product.Name, line.Quantity, product.PriceCents),
        ];
        return new Cart(items, items.Sum(i => i.Quantity * i.PriceCents));
    }
}
